package vm

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nestbed/harness/cache"
)

// An Image is what a virtual machine boots: a kernel, its initramfs, and a disk that is never
// written to.
type Image struct {
	Suite string
	dir   string
}

func (i *Image) kernel() string { return filepath.Join(i.dir, "vmlinuz") }
func (i *Image) initrd() string { return filepath.Join(i.dir, "initrd.img") }
func (i *Image) disk() string   { return filepath.Join(i.dir, diskName) }

// diskName is the name of the filesystem image in its cache directory.
const diskName = "disk.ext4"

// diskSize is the size of a guest's disk, in bytes, including the files of the image. The file is
// sparse.
const diskSize = 16 << 30

// imageFormat is the version of how images are made. Increase it after changes that imageKey does
// not see.
const imageFormat = 1

// tree holds the files that an image has in addition to Debian's packages.
//
//go:embed all:tree
var tree embed.FS

// links are symlinks in an image and their targets. They enable nestbed's unit and mask the
// daemons that Debian's packages enable, which would interfere with those under test.
var links = map[string]string{
	"etc/systemd/system/multi-user.target.wants/nestbed.service": "/etc/systemd/system/nestbed.service",
	"etc/systemd/system/lxd.service":                             "/dev/null",
	"etc/systemd/system/lxd.socket":                              "/dev/null",
	"etc/systemd/system/lxd-agent.service":                       "/dev/null",
	"etc/systemd/system/lxc.service":                             "/dev/null",
	"etc/systemd/system/lxc-net.service":                         "/dev/null",
	"etc/systemd/system/lxc-monitord.service":                    "/dev/null",
	"etc/systemd/system/lxcfs.service":                           "/dev/null",
	"etc/systemd/system/apt-daily.timer":                         "/dev/null",
	"etc/systemd/system/apt-daily-upgrade.timer":                 "/dev/null",
	"etc/systemd/system/fstrim.timer":                            "/dev/null",
	"etc/systemd/system/dpkg-db-backup.timer":                    "/dev/null",
	"etc/systemd/system/e2scrub_all.timer":                       "/dev/null",
	"etc/systemd/system/e2scrub_reap.service":                    "/dev/null",
	"etc/systemd/system/btrfs-scrub.timer":                       "/dev/null",
	"etc/systemd/system/systemd-networkd-wait-online.service":    "/dev/null",
}

// MakeImage returns the image of a suite, and makes it if the cache does not have it. The cache
// does not notice new package versions: to get them, remove the image's directory. cache is as in
// Config.
func MakeImage(ctx context.Context, cache, suite string, progress func(string)) (*Image, error) {
	key, err := imageKey(suite)
	if err != nil {
		return nil, err
	}
	dir, err := cacheEntry(ctx, cache, suite+"-"+key, func(ctx context.Context, dir string) error { return makeImage(ctx, suite, dir, progress) })
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", suite, err)
	}
	return &Image{Suite: suite, dir: dir}, nil
}

// ErrCache is the error if the directory for images cannot be used or has no room.
var ErrCache = errors.New("cache of images")

// cacheEntry returns a directory of the image cache. It calls fill if the directory does not exist.
func cacheEntry(ctx context.Context, in, name string, fill func(ctx context.Context, dir string) error) (string, error) {
	dir, err := imageCache(in)
	if err != nil {
		return "", err
	}
	c, err := cache.Open(dir, 0o711)
	if err != nil {
		return "", fmt.Errorf("%w: %w; name a directory that you own", ErrCache, err)
	}
	c.Remove = removeAll
	return c.Entry(ctx, name, func(ctx context.Context, dir string) error {
		if err := checkRequirements(forImage, in); err != nil {
			return err
		}
		return fill(ctx, dir)
	})
}

// removeAll removes a directory. If that fails, it tries again as root of a user namespace, to
// which some files may belong.
func removeAll(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err == nil || os.Geteuid() == 0 {
		return err
	}
	return asRoot(ctx, "rm", "-r", "-f", dir)
}

// imageCache returns the directory of images: "vm" in dir, or in root's or the user's cache if
// dir is "".
func imageCache(dir string) (string, error) {
	if dir != "" {
		return filepath.Join(dir, "vm"), nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/nestbed/vm", nil
	}
	user, err := os.UserCacheDir()
	return filepath.Join(user, "nestbed", "vm"), err
}

func imageKey(suite string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, imageFormat, suite, packages(), diskSize, links)
	err := fs.WalkDir(tree, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := tree.ReadFile(path)
		fmt.Fprintln(h, path, len(text))
		h.Write(text)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), err
}

// makeImage makes the files of an image in dir and removes temporary ones.
func makeImage(ctx context.Context, suite, dir string, progress func(string)) error {
	overlay := filepath.Join(dir, "overlay")
	if err := layOut(overlay); err != nil {
		return err
	}
	image := &Image{Suite: suite, dir: dir}
	d := debian{suite: suite, packages: packages(), overlay: overlay, size: diskSize, what: "an image", archived: image.extractKernel}
	if err := d.make(ctx, image.disk(), progress); err != nil {
		return err
	}
	return os.RemoveAll(overlay)
}

// layOut copies tree and links into a directory.
func layOut(dir string) error {
	files, err := fs.Sub(tree, "tree")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return err
	}
	for path, target := range links {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
			return err
		}
	}
	return nil
}

// extractKernel extracts the kernel and the initramfs from the archive. There is one version of
// each.
func (i *Image) extractKernel(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	wanted := map[string]string{"vmlinuz-": i.kernel(), "initrd.img-": i.initrd()}
	for r := tar.NewReader(f); len(wanted) > 0; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("no kernel, or no initramfs, in /boot")
		} else if err != nil {
			return err
		}
		for prefix, to := range wanted {
			if strings.HasPrefix(h.Name, "./boot/"+prefix) {
				if err := save(r, to); err != nil {
					return err
				}
				delete(wanted, prefix)
			}
		}
	}
	return nil
}

func save(from io.Reader, to string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
