package reach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"nestbed/harness/bundle"
	"nestbed/harness/cache"
	"nestbed/harness/internal/command"
	"nestbed/harness/reach/relay"
	"nestbed/harness/trust"
)

// ErrNoRelay means that no relay can be started through LXD exec.
var ErrNoRelay = errors.New("no " + relay.Program + " of this build; run make build and keep it beside nestbed, or run this once as root in the source tree with Go installed")

// FindRelay finds the program that runs in levels reached through LXD exec, or builds it in the
// store. This process then finds it again, and so does any other if root has built it.
func FindRelay(ctx context.Context, store bundle.Store) error {
	_, err := relayProgram(ctx, store)
	return err
}

// Relay returns the program, to run it in a level.
func Relay(ctx context.Context, store bundle.Store) ([]byte, error) { return relayProgram(ctx, store) }

var foundRelay struct { //nolint:gochecknoglobals // it is looked for once in a process
	sync.Mutex
	program []byte
}

// relayProgram returns the relay program. It takes the one beside this program, where make build
// puts it, then that in libexec of the same prefix, where packages have it, then one in a cache.
// Otherwise it builds one from the sources of this module, as for go test and go run. The program
// must have the same sources as this one.
func relayProgram(ctx context.Context, store bundle.Store) ([]byte, error) {
	foundRelay.Lock()
	defer foundRelay.Unlock()
	if foundRelay.program != nil {
		return foundRelay.program, nil
	}
	var errs []error
	for _, place := range relayPlaces(store) {
		program, err := readRelay(ctx, place)
		if err == nil {
			foundRelay.program = program
			return program, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	path, err := buildRelay(ctx, store)
	if err == nil {
		foundRelay.program, err = readRelay(ctx, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRelay, errors.Join(append(errs, err)...))
	}
	return foundRelay.program, nil
}

func relayEntry() string { return "relay-" + relay.Key() }

// relayPlaces returns the paths where the program may be.
func relayPlaces(store bundle.Store) []string {
	var places []string
	if self, err := os.Executable(); err == nil {
		dir := filepath.Dir(self)
		places = append(places, filepath.Join(dir, relay.Program), filepath.Join(dir, "..", "libexec", "nestbed", relay.Program))
	}
	for _, dir := range relayCaches(store) {
		places = append(places, filepath.Join(dir, relayEntry(), relay.Program))
	}
	return places
}

// relayCaches returns the caches that may have the program: the store, and the account's own cache
// if it is not root and cannot write to the store.
func relayCaches(store bundle.Store) []string {
	caches := []string{store.Path()}
	if own, err := os.UserCacheDir(); err == nil && os.Geteuid() != 0 {
		caches = append(caches, filepath.Join(own, "nestbed"))
	}
	return caches
}

// readRelay reads the program at a path, if no other account can write there and it is of this
// build.
func readRelay(ctx context.Context, path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if err := trust.Dir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	key, err := command.New(ctx, path, relay.AskKey).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if got := string(bytes.TrimSpace(key)); got != relay.Key() {
		return nil, fmt.Errorf("%s: read build %.40q, expected %s", path, got, relay.Key())
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if dynamic, err := bundle.NeedsLoader(bytes.NewReader(program)); dynamic || err != nil {
		return nil, errors.Join(fmt.Errorf("%s: it needs libraries, which a level may not have; build it with CGO_ENABLED=0, as make build does", path), err)
	}
	return program, nil
}

// buildRelay builds the program into a cache and returns its path. The working directory must be
// in this module.
func buildRelay(ctx context.Context, store bundle.Store) (string, error) {
	caches := relayCaches(store)
	kept, err := cache.Open(caches[len(caches)-1], 0o711)
	if err != nil {
		return "", err
	}
	dir, err := kept.Entry(ctx, relayEntry(), func(ctx context.Context, dir string) error {
		cmd := command.New(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, relay.Program), "nestbed/harness/cmd/"+relay.Program)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH) //nolint:forbidigo // go build has its own settings there
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build the relay: %w: %s", err, bytes.TrimSpace(out))
		}
		return os.Chmod(dir, 0o755) // readable for any account; it has no secrets
	})
	return filepath.Join(dir, relay.Program), err
}
