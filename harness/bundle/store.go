package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nestbed/harness/cache"
	"nestbed/harness/internal/inroot"
)

// A Store is a directory of bundles. The zero value is the default directory.
type Store struct {
	// Dir is the directory; "" is /var/cache/nestbed. It needs about 85 MB for each bundle and
	// 250 MB for the packages of each Debian suite, until cache.IdleLimit removes them.
	Dir string
	// Progress, if set, is called before work that takes more than a moment.
	Progress func(string)
}

// Path returns the directory of the store.
func (st Store) Path() string { return cmp.Or(st.Dir, "/var/cache/nestbed") }

func (st Store) progress(what string) {
	if st.Progress != nil {
		st.Progress(what)
	}
}

// ErrCache is the error for a store whose directory cannot be used.
var ErrCache = errors.New("cache")

// Make returns the bundle of the source, and makes it if the store does not have it. If several
// processes ask for it at once, one makes it and the others wait. An account other than root only
// gets bundles that root has made.
func (st Store) Make(ctx context.Context, s Source) (*Bundle, error) {
	if os.Geteuid() != 0 {
		return st.findMade(ctx, s)
	}
	entries, err := cache.Open(st.Path(), 0o711)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w: %w; name a writable directory for it", s, ErrCache, err)
	}
	r, err := st.readRecipe(ctx, s, entries)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(s, r.key)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Source: s, Key: key}
	b.dir, err = entries.Entry(ctx, entryOf(s, key), func(ctx context.Context, dir string) error {
		st.progress(fmt.Sprintf("making bundle %s", s))
		return fill(ctx, s, key, r, dir)
	})
	if err != nil {
		return nil, err
	}
	return b, b.loadFacts()
}

// findMade returns a bundle that root has made.
func (st Store) findMade(ctx context.Context, s Source) (*Bundle, error) {
	content, err := contentKey(ctx, s)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Source: s}
	if b.Key, err = keyOf(s, content); err != nil {
		return nil, err
	}
	entries := cache.Cache{Dir: st.Path()}
	if b.dir, err = entries.Find(entryOf(s, b.Key)); errors.Is(err, fs.ErrNotExist) {
		return nil, &NotMadeError{Source: s, Dir: entries.Dir}
	} else if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s, err)
	}
	return b, b.loadFacts()
}

// A NotMadeError reports that root has not yet made the bundle of this source as this machine has
// it now.
type NotMadeError struct {
	Source Source
	// Dir is the directory of the store.
	Dir string
}

func (e *NotMadeError) Error() string {
	return fmt.Sprintf("bundle %s: %s has none for the files that this machine has now; only root can make one, because its files have several owners", e.Source, e.Dir)
}

func entryOf(s Source, key string) string { return string(s.Kind) + "-" + key }

// fill makes the bundle with the key in an empty directory.
func fill(ctx context.Context, s Source, key string, r recipe, dir string) error {
	made := &Bundle{Source: s, Key: key, dir: dir}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, rootOnlyDir), 0o700), os.Mkdir(made.Root(), 0o755), os.Chmod(made.Root(), 0o755)); err != nil {
		return err
	}
	if err := r.fill(ctx, made.Root()); err != nil {
		return err
	}
	if err := checkTree(made.Root()); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := withRoot(made.Root(), func(r *inroot.Root) error { return addSkeleton(ctx, s, key, r) }); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := made.pack(ctx); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if r.dpkg == "" {
		r.dpkg = made.Root()
	}
	if err := made.saveFacts(ctx, r.dpkg); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := made.open(); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	return nil
}
