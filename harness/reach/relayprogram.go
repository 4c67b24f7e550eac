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

// ErrNoRelay is why levels cannot be reached by exec.
var ErrNoRelay = errors.New("there is no " + relay.Program + " of this build; run make build, and keep it beside nestbed, or run this once as root with its sources and Go")

// FindRelay looks for the program that is pushed into levels which are reached by exec, also in the store, or builds it there. Everything
// else that needs it finds it then, in this process and, if root has built it, in any other.
func FindRelay(ctx context.Context, store bundle.Store) error {
	_, err := relayProgram(ctx, store)
	return err
}

var foundRelay struct { //nolint:gochecknoglobals // it is looked for once in a process
	sync.Mutex
	program []byte
}

// relayProgram is that program: the one beside this program's own, which make build puts there; else that in a cache; else it is
// built from the sources of this module, as for go test and go run. Only one of the same sources as this program will do.
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

// relayPlaces are where one may be.
func relayPlaces(store bundle.Store) []string {
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), relay.Program))
	}
	for _, dir := range relayCaches(store) {
		places = append(places, filepath.Join(dir, relayEntry(), relay.Program))
	}
	return places
}

// relayCaches returns the caches that may have one: the store, and that of an account which cannot write there.
func relayCaches(store bundle.Store) []string {
	caches := []string{store.Path()}
	if own, err := os.UserCacheDir(); err == nil && os.Geteuid() != 0 {
		caches = append(caches, filepath.Join(own, "nestbed"))
	}
	return caches
}

// readRelay reads the program at a path, if it is nobody else's and of this build.
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
		return nil, fmt.Errorf("%s: it is of build %.40q, expected %s", path, got, relay.Key())
	}
	return os.ReadFile(path)
}

// buildRelay builds the program from the sources of this module, where the working directory is in that, into a cache, and gives its path.
func buildRelay(ctx context.Context, store bundle.Store) (string, error) {
	caches := relayCaches(store)
	kept, err := cache.Open(caches[len(caches)-1], 0o711)
	if err != nil {
		return "", err
	}
	dir, err := kept.Entry(ctx, relayEntry(), func(ctx context.Context, dir string) error {
		cmd := command.New(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, relay.Program), "nestbed/harness/cmd/"+relay.Program)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build it: %w: %s", err, bytes.TrimSpace(out))
		}
		return os.Chmod(dir, 0o755) // for any account, as it holds no secret
	})
	return filepath.Join(dir, relay.Program), err
}
