package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

// An Image is an LXD image: a tar of a root filesystem and its metadata.
type Image struct {
	// Path is the path of the file.
	Path string
	// Fingerprint is the SHA-256 of the file, by which LXD names the image.
	Fingerprint string
}

func (b *Bundle) wholeFile() string { return filepath.Join(b.dir, "image.tar.zst") }
func (b *Bundle) thinFile() string  { return filepath.Join(b.dir, "thin.tar") }

// pack writes the LXD images, each as one file, because LXD copies and reads a split image once
// more. They are tars, because squashfs cannot hold the sentinel's ACL (mksquashfs does not know
// the xattr prefix system.posix_acl_access).
func (b *Bundle) pack(ctx context.Context) error {
	described := filepath.Join(b.dir, "described")
	for name, content := range metadata() {
		path := filepath.Join(described, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	// The compression is high, because an image is packed once, but each level copies it twice
	// and reads it three times. The window of 512 kB fits into a processor's cache when a level
	// unpacks it.
	var err error
	if b.Whole, err = b.packInto(ctx, described, b.wholeFile(), "--use-compress-program=zstd -9 -T0 --zstd=wlog=19"); err != nil {
		return err
	}
	merged, err := b.usrMerged()
	if err != nil {
		return err
	}
	if merged {
		// LXD starts no program to look into a tar without compression, and its Go code reads the
		// metadata (LXD: lxd/images.go, getImageMetadata).
		if b.Thin, err = b.packInto(ctx, described, b.thinFile(), "--exclude=rootfs/usr/*"); err != nil {
			return err
		}
	}
	return os.RemoveAll(described)
}

// packInto writes an image file with the metadata in a directory. The option applies to tar.
func (b *Bundle) packInto(ctx context.Context, described, path, option string) (Image, error) {
	// The metadata comes first: LXD reads no further when it looks for it (LXD: lxd/images.go,
	// getImageMetadata).
	tarball := command.New(ctx, "tar", "--create", option, "--file", path,
		"--numeric-owner", "--xattrs", "--xattrs-include=*", "--sort=name", "--anchored",
		"--directory", described, "metadata.yaml", "templates", "--directory", filepath.Dir(b.Root()), filepath.Base(b.Root()))
	if out, err := tarball.CombinedOutput(); err != nil {
		return Image{}, fmt.Errorf("pack: tar: %w: %s", err, lastLine(string(out)))
	}
	fingerprint, err := sha256Of(path)
	return Image{Path: path, Fingerprint: fingerprint}, err
}

// usrMerged reports whether the directories of programs and libraries are links into /usr.
func (b *Bundle) usrMerged() (merged bool, err error) {
	err = withRoot(b.Root(), func(r *inroot.Root) error {
		for _, name := range mergedUsr {
			target, err := r.Readlink(name)
			if errors.Is(err, unix.EINVAL) { // a directory
				return nil
			}
			if err != nil {
				return err
			}
			if !strings.HasPrefix(path.Clean("/"+target), "/usr/") {
				return nil
			}
		}
		merged = true
		return nil
	})
	return merged, err
}

// metadata returns the image's metadata.yaml and templates, by their names in the image (LXD:
// doc/image_format.md).
func metadata() map[string]string {
	// LXD requires a creation date; its value does not matter.
	yaml := fmt.Sprintf("architecture: %s\ncreation_date: 1\nproperties:\n  description: nestbed bundle\ntemplates:\n", Architecture())
	files := map[string]string{}
	for _, t := range templates {
		name := filepath.Base(t.path) + ".tpl"
		yaml += fmt.Sprintf("  %s:\n    when: [create]\n    template: %s\n", t.path, name)
		files["templates/"+name] = fmt.Sprintf(`{{ config_get(%q, "")|cut:%q }}`, t.key, delimiter)
	}
	files["metadata.yaml"] = yaml
	return files
}

// Architecture returns the kernel's name of this machine's architecture, which LXD uses (LXD:
// shared/osarch).
func Architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	default: // the same name in both: ppc64le, riscv64, s390x
		return runtime.GOARCH
	}
}
