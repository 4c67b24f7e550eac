package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nestbed/harness/cache"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
)

// A Bundle is a root filesystem with LXD or Incus in it, kept in the cache.
type Bundle struct {
	Source Source
	// Key identifies the content: 16 hexadecimal digits.
	Key string
	// Flavor names the rules by which the daemon chooses ids.
	Flavor idmap.Flavor
	// LXD is the version that the daemon reports.
	LXD string
	// Package is the distribution's package that the daemon belongs to, with its version, such as
	// "lxd 5.0.2-5+b1". It distinguishes daemons that report the same version. It is empty if the
	// daemon belongs to no package.
	Package string
	// TestsWithEmptyNamespace reports whether the daemon tests for idmapped mounts with a user
	// namespace that has no map. LXD did so until 2024 (canonical/lxd pull request 13522). Linux
	// refuses such mounts since 6.9, and the daemon then changes the owners of files instead.
	TestsWithEmptyNamespace bool
	// OnlyCgroup2 reports whether liblxc supports only cgroup v2, as it does since 7.0.
	OnlyCgroup2 bool
	// DeniesUserNS reports whether the daemon's AppArmor profiles deny user namespaces on kernels
	// that mediate them.
	DeniesUserNS bool
	// Fingerprint is the image's SHA-256, by which LXD names it.
	Fingerprint string
	// ShadowTools reports whether the bundle has newuidmap and newgidmap.
	ShadowTools bool

	dir string
}

// rootOnlyDir is the part of a bundle's directory that only root can read. It holds set-user-id
// programs.
const rootOnlyDir = "sealed"

// Root returns the unpacked root filesystem. Private hosts use it as the lower layer of an
// overlay. It is never written to, and only root can read it.
func (b *Bundle) Root() string { return filepath.Join(b.dir, rootOnlyDir, "rootfs") }

// Store returns the store that the bundle is kept in.
func (b *Bundle) Store() Store { return Store{Dir: filepath.Dir(b.dir)} }

// Hold returns a file that keeps the bundle in the cache while it, or a copy of its descriptor,
// is open.
func (b *Bundle) Hold() (*os.File, error) { return cache.Hold(b.dir) }

// Busybox returns the path of the bundle's busybox. Any account can read it.
func (b *Bundle) Busybox() string { return filepath.Join(b.dir, "busybox") }

// Image returns the path of the LXD image: a tar of the root filesystem and its metadata,
// compressed with zstd.
func (b *Bundle) Image() string { return filepath.Join(b.dir, "image.tar.zst") }

// String returns the source and the key.
func (b *Bundle) String() string { return fmt.Sprintf("%s (%s)", b.Source, b.Key) }

// Daemon returns the name and version of the daemon, such as "LXD 5.0.2 (lxd 5.0.2-5+b1)" or
// "Incus 6.0.4".
func (b *Bundle) Daemon() string {
	name := "LXD "
	if b.Flavor == idmap.Incus {
		name = "Incus "
	}
	if b.Package == "" {
		return name + b.LXD
	}
	return fmt.Sprintf("%s%s (%s)", name, b.LXD, b.Package)
}

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
		return fill(ctx, s, r, dir)
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

// fill makes the bundle in an empty directory.
func fill(ctx context.Context, s Source, r recipe, dir string) error {
	made := &Bundle{Source: s, dir: dir}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, rootOnlyDir), 0o700), os.Mkdir(made.Root(), 0o755), os.Chmod(made.Root(), 0o755)); err != nil {
		return err
	}
	if err := r.fill(ctx, made.Root()); err != nil {
		return err
	}
	if err := checkTree(made.Root()); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := withRoot(made.Root(), func(r *inroot.Root) error { return addSkeleton(ctx, s, r) }); err != nil {
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

// open lets any account read everything outside of rootOnlyDir.
func (b *Bundle) open() error {
	var text []byte
	err := withRoot(b.Root(), func(r *inroot.Root) (err error) {
		text, err = r.ReadFile("bin/busybox", programLimit)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(b.Busybox(), text, 0o755), os.Chmod(b.Busybox(), 0o755), // whatever the umask
		os.Chmod(b.Image(), 0o644), os.Chmod(b.factsFile(), 0o644), os.Chmod(b.dir, 0o755),
	)
}

// format is the version of the layout of a bundle's directory. Increase it with each change, so
// that older bundles are not reused.
const format = 17

func keyOf(s Source, content string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, format, s, content)
	for _, tree := range []fs.ReadFileFS{skeleton, withSystemdTree} {
		err := fs.WalkDir(tree, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := tree.ReadFile(path)
			fmt.Fprintln(h, path, len(text))
			h.Write(text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}
