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

// Bundle is a root filesystem with a LXD or an Incus in it, ready in the cache.
type Bundle struct {
	Source Source
	// Key names the content: 16 hexadecimal digits.
	Key string
	// Flavor is whose rules its daemon follows when it chooses ids.
	Flavor idmap.Flavor
	// LXD is the version that its daemon calls itself.
	LXD string
	// Package is the distribution's package that it is of, with its version, which tells apart what calls
	// itself the same: "lxd 5.0.2-5+b1". Empty where it is of none.
	Package string
	// EmptyTrial tells that its daemon tries whether it can mount idmapped with a user
	// namespace that has no map, as LXD did until 2024 (canonical/lxd pull request
	// 13522) and Linux refuses since 6.9. It then changes the owners of files instead.
	EmptyTrial bool
	// OnlyCgroup2 tells that its liblxc knows cgroup v2 alone, as since 7.0.
	OnlyCgroup2 bool
	// DeniesUserNS tells that the AppArmor profiles that its daemon makes deny user namespaces, where the kernel asks them.
	DeniesUserNS bool
	// Fingerprint is the name that a LXD gives to the image: its SHA-256.
	Fingerprint string
	// ShadowTools tells whether newuidmap and newgidmap are in it.
	ShadowTools bool

	dir string
}

// sealed is the part of a bundle's directory that only root may look into: it has programs that make whoever runs them root.
const sealed = "sealed"

// Root is the unpacked root filesystem, which private hosts lay an overlay over. It is never written to, and root's alone.
func (b *Bundle) Root() string { return filepath.Join(b.dir, sealed, "rootfs") }

// Store returns where the bundle is kept.
func (b *Bundle) Store() Store { return Store{Dir: filepath.Dir(b.dir)} }

// Hold returns a file that keeps the bundle in the cache as long as it, or a copy of its descriptor, is open.
func (b *Bundle) Hold() (*os.File, error) { return cache.Hold(b.dir) }

// Busybox is the busybox of the root filesystem, for any account.
func (b *Bundle) Busybox() string { return filepath.Join(b.dir, "busybox") }

// Image is the LXD image: a tar, compressed by zstd, of the root filesystem and what describes it.
func (b *Bundle) Image() string { return filepath.Join(b.dir, "image.tar.zst") }

// String names the bundle by source and content.
func (b *Bundle) String() string { return fmt.Sprintf("%s (%s)", b.Source, b.Key) }

// Daemon names the daemon in it: "LXD 5.0.2 (lxd 5.0.2-5+b1)", "Incus 6.0.4".
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

// Store is where bundles are kept. The zero value is the usual place.
type Store struct {
	// Dir is the directory; "" is /var/cache/nestbed. It needs room for about 85 MB a bundle, and for 250 MB of packages for those of each
	// Debian suite, as long as they are used: see cache.IdleLimit.
	Dir string
	// Progress, if set, is told what takes longer than a moment.
	Progress func(string)
}

// Path returns the directory.
func (st Store) Path() string { return cmp.Or(st.Dir, "/var/cache/nestbed") }

func (st Store) say(what string) {
	if st.Progress != nil {
		st.Progress(what)
	}
}

// ErrCache is the error of a Store whose directory cannot be used.
var ErrCache = errors.New("cache")

// Make returns the bundle of the source, and makes it if the store does not have it. Several processes may ask at once: one makes, the
// others wait. An account other than root gets what root has made.
func (st Store) Make(ctx context.Context, s Source) (*Bundle, error) {
	if os.Geteuid() != 0 {
		return st.taken(ctx, s)
	}
	kept, err := cache.Open(st.Path(), 0o711)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w: %w; name another directory for it, which can be written", s, ErrCache, err)
	}
	r, err := st.readRecipe(ctx, s, kept)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(s, r.key)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Source: s, Key: key}
	b.dir, err = kept.Entry(ctx, entryOf(s, key), func(ctx context.Context, dir string) error {
		st.say(fmt.Sprintf("making bundle %s", s))
		return fill(ctx, s, r, dir)
	})
	if err != nil {
		return nil, err
	}
	return b, b.recall()
}

// taken returns a bundle that root has made.
func (st Store) taken(ctx context.Context, s Source) (*Bundle, error) {
	content, err := contentOf(ctx, s)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Source: s}
	if b.Key, err = keyOf(s, content); err != nil {
		return nil, err
	}
	kept := cache.Cache{Dir: st.Path()}
	if b.dir, err = kept.Find(entryOf(s, b.Key)); errors.Is(err, fs.ErrNotExist) {
		return nil, &NotMadeError{Source: s, Dir: kept.Dir}
	} else if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s, err)
	}
	return b, b.recall()
}

// NotMadeError is the error of a bundle that root has not made, of what this machine has now.
type NotMadeError struct {
	Source Source
	// Dir is where bundles are kept.
	Dir string
}

func (e *NotMadeError) Error() string {
	return fmt.Sprintf("bundle %s: none in %s is of what this machine has now; making one needs root, for files of several owners", e.Source, e.Dir)
}

func entryOf(s Source, key string) string { return string(s.Kind) + "-" + key }

// fill makes a bundle's directory.
func fill(ctx context.Context, s Source, r recipe, dir string) error {
	made := &Bundle{Source: s, dir: dir}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, sealed), 0o700), os.Mkdir(made.Root(), 0o755), os.Chmod(made.Root(), 0o755)); err != nil {
		return err
	}
	if err := r.fill(ctx, made.Root()); err != nil {
		return err
	}
	if err := checkTree(made.Root()); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := in(made.Root(), func(r *inroot.Root) error { return dress(ctx, s, r) }); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := made.pack(ctx); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if r.dpkg == "" {
		r.dpkg = made.Root()
	}
	if err := made.record(ctx, r.dpkg); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	if err := made.open(); err != nil {
		return fmt.Errorf("bundle %s: %w", s, err)
	}
	return nil
}

// open lets any account read what is not sealed.
func (b *Bundle) open() error {
	var text []byte
	err := in(b.Root(), func(r *inroot.Root) (err error) {
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

// format counts the changes of what a bundle's directory holds: an older one is not taken for a newer one.
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
