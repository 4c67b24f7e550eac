package imagefile

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/command"
)

// A Packing is the compression or filesystem of an image.
type Packing string

// The packings that LXD unpacks with only the programs that it requires at start-up: tar (plain
// or with gzip, xz or zstd) and unsquashfs.
const (
	Plain    Packing = "none"
	Gzip     Packing = "gzip"
	XZ       Packing = "xz"
	Zstd     Packing = "zstd"
	Squashfs Packing = "squashfs"
)

// A Recipe describes an image.
type Recipe struct {
	Packing Packing
	// Unified makes a single tar, which Packing then compresses. Packing cannot be Squashfs then.
	Unified bool
	// Owners are ids beside 0. For each, the image has a file with this uid and gid; see FileOf.
	Owners []uint32
	// Architecture is the kernel's name of the architecture that the image is for; "" is this
	// machine's.
	Architecture string
}

// FileOf returns the path in the image of the file that an owner has.
func FileOf(id uint32) string { return fmt.Sprintf("/srv/of-%d", id) }

// Make makes an image with busybox, an init that only sleeps, the bundle's sentinel, and a file
// for each owner.
func Make(ctx context.Context, b *bundle.Bundle, r Recipe) (Image, error) {
	if r.Unified && r.Packing == Squashfs {
		return Image{}, fmt.Errorf("image: unified and %s: LXD unpacks unified images by tar only", r.Packing)
	}
	if r.Architecture == "" {
		r.Architecture = bundle.Architecture()
	}
	prefix := "."
	if r.Unified {
		prefix = "rootfs"
	}
	var out bytes.Buffer
	w := &writer{tar: tar.NewWriter(&out), prefix: prefix}
	if r.Unified {
		w.metadata(r.Architecture)
	}
	w.rootFS(b, r.Owners)
	if err := w.close(); err != nil {
		return Image{}, fmt.Errorf("image: %w", err)
	}
	packed, err := pack(ctx, out.Bytes(), r.Packing)
	if err != nil {
		return Image{}, fmt.Errorf("image: %w", err)
	}
	if r.Unified {
		return Image{Metadata: packed}, nil
	}
	var meta bytes.Buffer
	w = &writer{tar: tar.NewWriter(&meta)}
	w.metadata(r.Architecture)
	if err := w.close(); err != nil {
		return Image{}, fmt.Errorf("image: %w", err)
	}
	return Image{Metadata: meta.Bytes(), RootFS: packed}, nil
}

// writer writes a tar and keeps its first error.
type writer struct {
	tar    *tar.Writer
	prefix string
	err    error
}

func (w *writer) put(h tar.Header, content []byte) {
	if w.err != nil {
		return
	}
	h.Size, h.Format = int64(len(content)), tar.FormatPAX
	if w.err = w.tar.WriteHeader(&h); w.err == nil {
		_, w.err = w.tar.Write(content)
	}
}

func (w *writer) close() error {
	if w.err != nil {
		return w.err
	}
	return w.tar.Close()
}

func (w *writer) metadata(architecture string) {
	yaml := fmt.Sprintf("architecture: %s\ncreation_date: 1\nproperties:\n  description: small\n", architecture)
	w.put(tar.Header{Name: "metadata.yaml", Mode: 0o644}, []byte(yaml))
}

func (w *writer) rootFS(b *bundle.Bundle, owners []uint32) {
	dirs := []string{"", "bin", "dev", "etc", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "usr/lib", "usr/lib/nestbed", "var", "var/lib", "var/lib/nestbed", "var/tmp"}
	for _, dir := range dirs {
		w.put(tar.Header{Name: w.prefix + "/" + dir, Typeflag: tar.TypeDir, Mode: 0o755}, nil)
	}
	busybox, err := os.ReadFile(b.Busybox())
	join, joinErr := bundle.Join()
	if w.err == nil {
		w.err = errors.Join(err, joinErr)
	}
	w.put(tar.Header{Name: w.prefix + "/bin/busybox", Mode: 0o755}, busybox)
	w.put(tar.Header{Name: w.prefix + bundle.JoinProgram, Mode: 0o755}, join)
	for _, applet := range []string{"cat", "grep", "head", "hostname", "ip", "nc", "rm", "sh", "sleep", "stat", "udhcpc"} {
		w.put(tar.Header{Name: w.prefix + "/bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, nil)
	}
	w.put(tar.Header{Name: w.prefix + "/sbin/init", Mode: 0o755}, []byte("#!/bin/sh\nexec sleep 2147483647\n"))
	for _, id := range owners {
		w.put(tar.Header{Name: w.prefix + FileOf(id), Mode: 0o640, Uid: int(id), Gid: int(id)}, fmt.Append(nil, id, "\n"))
	}
	w.sentinel()
}

// sentinel writes the bundle's sentinel, with its ACL in GNU tar's format for extended
// attributes.
func (w *writer) sentinel() {
	w.put(tar.Header{
		Name: w.prefix + bundle.SentinelPath, Mode: 0o600, Uid: int(bundle.OriginalSentinel().UID), Gid: int(bundle.OriginalSentinel().GID),
		PAXRecords: map[string]string{"SCHILY.xattr." + bundle.XattrACL: string(bundle.SentinelACL())},
	}, []byte(bundle.SentinelText))
}

// pack compresses a tar.
func pack(ctx context.Context, content []byte, p Packing) ([]byte, error) {
	var args []string
	switch p {
	case Plain:
		return content, nil
	case Gzip, XZ, Zstd:
		args = []string{string(p), "-1", "--stdout"}
	case Squashfs:
		return squash(ctx, content)
	default:
		return nil, fmt.Errorf("packing %q: not known", p)
	}
	cmd := command.New(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(content)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", p, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// squash makes a squashfs of an unpacked tree, because not every mksquashfs reads a tar.
func squash(ctx context.Context, content []byte) ([]byte, error) {
	dir, err := os.MkdirTemp("", "nestbed-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tree, file := filepath.Join(dir, "tree"), filepath.Join(dir, "rootfs")
	if err := os.Mkdir(tree, fs.ModePerm); err != nil {
		return nil, err
	}
	untar := command.New(ctx, "tar", "--extract", "--numeric-owner", "--same-owner", "--preserve-permissions", "--directory", tree)
	untar.Stdin = bytes.NewReader(content)
	for _, cmd := range []*exec.Cmd{
		untar,
		command.New(ctx, "mksquashfs", tree, file, "-noappend", "-no-progress", "-comp", "gzip", "-no-xattrs"),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", cmd.Args[0], err, strings.TrimSpace(string(out)))
		}
	}
	return os.ReadFile(file)
}
