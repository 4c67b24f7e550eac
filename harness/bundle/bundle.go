// Package bundle makes the root filesystem that the private host and every level run. It contains
// LXD or Incus with the programs that they need, a small init, and a sentinel file, which shows
// whether ownership survives on the way down.
//
// A bundle is made once and cached by its content, so that another version of LXD gets its own
// bundle. Making one needs root, because its files have several owners.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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
	// Package distinguishes daemons that report the same version. It is the distribution's package
	// that the daemon belongs to, with its version, such as "lxd 5.0.2-5+b1". If it belongs to
	// none, it is what its program says of its build, such as "revision 5664de1b6e1f", or empty.
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
	// Whole is the image with all files of the root filesystem.
	Whole Image
	// Thin is the image without the files of /usr. A container from it gets /usr from the root
	// filesystem of the LXD that makes it. It is empty if the root filesystem is not usr-merged:
	// its /bin, /sbin and /lib are not links into /usr (man 7 file-hierarchy).
	Thin Image
	// ShadowTools reports whether the bundle has newuidmap and newgidmap, and Shadow the version
	// of shadow that they come from, if a package says so.
	ShadowTools bool
	Shadow      idmap.Shadow

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

// String returns the source and the key.
func (b *Bundle) String() string { return fmt.Sprintf("%s (%s)", b.Source, b.Key) }

// Daemon returns the name and version of the daemon, such as "LXD 5.0.2 (lxd 5.0.2-5+b1)" or
// "Incus 6.0.4".
func (b *Bundle) Daemon() string {
	name := "LXD "
	if b.Flavor.Incus() {
		name = "Incus "
	}
	if b.Package == "" {
		return name + b.LXD
	}
	return fmt.Sprintf("%s%s (%s)", name, b.LXD, b.Package)
}

// open lets any account read everything outside of rootOnlyDir.
func (b *Bundle) open() error {
	var text []byte
	err := withRoot(b.Root(), func(r *inroot.Root) (err error) {
		text, err = r.ReadFile("bin/busybox", programLimit)
		return err
	})
	if dynamic, notELF := NeedsLoader(bytes.NewReader(text)); err == nil && notELF == nil && dynamic {
		// The small images have nothing else.
		err = fmt.Errorf("bundle %s: its busybox needs libraries; install the static one (package busybox-static)", b.Source)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.Busybox(), text, 0o755); err != nil {
		return err
	}
	modes := map[string]fs.FileMode{b.Busybox(): 0o755, b.Whole.Path: 0o644, b.factsFile(): 0o644, b.dir: 0o755} // whatever the umask
	if b.Thin.Path != "" {
		modes[b.Thin.Path] = 0o644
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	return nil
}

// NeedsLoader reports whether a loader starts a program, because it is linked dynamically (man 5
// elf, PT_INTERP).
func NeedsLoader(program io.ReaderAt) (bool, error) {
	f, err := elf.NewFile(program)
	return err == nil && slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), err
}

// format is the version of the layout of a bundle's directory. Increase it with each change, so
// that older bundles are not reused.
const format = 19

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
