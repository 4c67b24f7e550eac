// Package lxdmodule builds LXD of the Go module that nestbed takes LXD's client from.
package lxdmodule

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"nestbed/harness/internal/command"
)

// files is a Go module that requires LXD's programs. Its go.mod and go.sum have other names,
// because a directory with a go.mod cannot be embedded.
//
//go:embed *.txt
var files embed.FS

// names are the names of the files by those that they have in a module.
var names = map[string]string{"go.mod": "mod.txt", "go.sum": "sum.txt"}

// Packages returns the Debian packages that LXD is built with and that it runs with (LXD:
// doc/installing.md). Debian 12's dqlite is too old.
func Packages() []string {
	return []string{
		"gcc", "libc6-dev", "pkg-config", "lxc-dev", "liblxc-common", "libdqlite-dev", "libacl1-dev", "libcap-dev",
		"libudev-dev", "libseccomp-dev", "libselinux1-dev", "libsqlite3-dev",
	}
}

// Directories of the Debian in which LXD is built. They are removed after it.
const (
	buildDir = "nestbed-build"
	goDir    = "usr/local/go"
)

// programDir is where LXD and its client are, as in packages: an LXD that replaces another one
// must have the same path.
const programDir = "/usr/bin/"

// Text returns what the module requires, and where the programs are. It identifies what is built.
func Text() string {
	text := programDir + "\n"
	for _, name := range slices.Sorted(maps.Keys(names)) {
		part, _ := files.ReadFile(names[name]) // it is in this program
		text += string(part)
	}
	return text
}

// Build builds LXD and its client in a Debian 13 with Packages. Go and the modules' sources come
// from this machine, so the build itself needs no network.
func Build(ctx context.Context, root string) error {
	dir := filepath.Join(root, buildDir)
	defer os.RemoveAll(dir)
	defer os.RemoveAll(filepath.Join(root, goDir))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, from := range names {
		text, err := files.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	vendor := command.New(ctx, "go", "mod", "vendor")
	vendor.Dir = dir
	if out, err := vendor.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch LXD's sources: go mod vendor: %w: %s; check the network and go env GOPROXY", err, lastLine(out))
	}
	find := command.New(ctx, "go", "env", "GOROOT") // of the version that go.mod needs
	find.Dir = dir
	goroot, err := find.Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	if err := os.CopyFS(filepath.Join(root, goDir), os.DirFS(string(bytes.TrimSpace(goroot)))); err != nil {
		return err
	}
	build := command.New(ctx, "/"+goDir+"/bin/go", "build", "-mod=vendor", "-buildvcs=false", "-tags=libsqlite3", "-ldflags=-s -w",
		"-o", programDir, "github.com/canonical/lxd/lxd", "github.com/canonical/lxd/lxc")
	build.SysProcAttr.Chroot, build.Dir = root, "/"+buildDir
	build.Env = []string{
		"PATH=" + command.Path, "HOME=/" + buildDir, "GOROOT=/" + goDir, "GOTOOLCHAIN=local", "GOPROXY=off",
		"CGO_ENABLED=1",
		// As LXD's Makefile does, for go-dqlite.
		"CGO_LDFLAGS_ALLOW=(-Wl,-wrap,pthread_create)|(-Wl,-z,now)",
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build LXD: go build: %w: %s", err, lastLine(out))
	}
	return nil
}

func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}
