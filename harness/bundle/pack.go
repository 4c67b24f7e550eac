package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// pack writes the two files of a split LXD image. The root filesystem is a tar,
// because squashfs cannot hold the sentinel's ACL (mksquashfs: "xattr prefix
// system.posix_acl_access" is one it does not know). It is compressed, lightly, because a
// LXD copies an image three times before it has it: the import at each level
// takes half as long, and what unpacking loses is a third of that.
func (b *Bundle) pack(ctx context.Context) error {
	tarball := exec.CommandContext(ctx, "tar",
		"--create", "--use-compress-program=zstd -1 -T0", "--file", b.RootFS(), "--directory", b.Root(),
		"--numeric-owner", "--xattrs", "--xattrs-include=*", "--sort=name", ".")
	if out, err := tarball.CombinedOutput(); err != nil {
		return fmt.Errorf("pack: tar: %w: %s", err, lastLine(string(out)))
	}
	metadata, err := metadata()
	if err != nil {
		return err
	}
	return os.WriteFile(b.Metadata(), metadata, 0o600)
}

// metadata is the image's metadata.yaml with its templates, in a tar of its own (LXD: doc/image_format.md).
func metadata() ([]byte, error) {
	// The creation date is required but means nothing here; a fixed one keeps equal bundles equal.
	yaml := fmt.Sprintf("architecture: %s\ncreation_date: 1\nproperties:\n  description: nestbed bundle\ntemplates:\n", architecture())
	type file struct{ name, content string }
	var files []file
	for _, t := range templates {
		name := filepath.Base(t.path) + ".tpl"
		yaml += fmt.Sprintf("  %s:\n    when: [create]\n    template: %s\n", t.path, name)
		files = append(files, file{"templates/" + name, fmt.Sprintf(`{{ config_get(%q, "")|cut:%q }}`, t.key, edge)})
	}
	files = append(files, file{"metadata.yaml", yaml})

	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// architecture is the kernel's name for the machine, which LXD uses (LXD: shared/osarch).
func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	default: // the same name in both: ppc64le, riscv64, s390x
		return runtime.GOARCH
	}
}
