package bundle

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var (
	// debianPackages stand in every bundle of Debian's.
	debianPackages = []string{"busybox-static", "uidmap", "iproute2", "rsync", "attr", "squashfs-tools", "xz-utils", "zstd"}

	lxdPackages = []string{"lxd", "lxd-client"}
	// Without what Incus has for virtual machines. It depends on one of several
	// packages for its system users; this one spares the bundle the whole of systemd.
	incusPackages = []string{"incus-base", "systemd-standalone-sysusers"}
)

// checkValidUntil is the option of apt by which it takes a release whose time is up (man 5 apt.conf).
const checkValidUntil = "Acquire::Check-Valid-Until"

// makeDebian fills root with a minimal Debian that has LXD or Incus.
func makeDebian(ctx context.Context, root string, s Source) error {
	mmdebstrap, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return fmt.Errorf("bundle %s: this machine has no mmdebstrap; run apt-get install mmdebstrap", s)
	}
	include := slices.Concat(debianPackages, lxdPackages)
	if s.Incus {
		include = slices.Concat(debianPackages, incusPackages)
	}
	include = withAppArmor(include, apparmorPackage)
	if s.Tools {
		include = append(include, toolPackages...)
	}
	args := []string{
		"--quiet", "--variant=minbase", "--mode=root", "--include=" + strings.Join(include, ","),
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--aptopt=Apt::Install-Recommends false",
	}
	if apt, err := exec.CommandContext(ctx, "apt-config", "dump", "--format=%v%n", checkValidUntil).Output(); err == nil && strings.TrimSpace(string(apt)) == "false" {
		// The machine's mirror lags behind, as its own apt has been told. (sid's releases are good for a week.)
		args = append(args, fmt.Sprintf("--aptopt=%s false", checkValidUntil))
	}
	if id, _ := distribution(); id != "debian" {
		// Elsewhere apt trusts other keys.
		args = append(args, "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg")
	}
	cmd := exec.CommandContext(ctx, mmdebstrap, append(args, s.Arg, root)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s: mmdebstrap: %w: %s", s, err, lastLine(string(out)))
	}
	for _, dir := range []string{"var/cache/apt", "var/lib/apt"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	return nil
}

// withoutShadow makes a bundle of Debian's without newuidmap from the one that has it: nothing else differs, and
// it takes a fifth of the time.
func withoutShadow(ctx context.Context, s Source, progress func(string)) (recipe, error) {
	with := s
	with.NoShadow = false
	b, err := Make(ctx, with, progress)
	if err != nil {
		return recipe{}, err
	}
	return recipe{key: b.Key, fill: func(ctx context.Context, root string) error { return s.copyRoot(ctx, b.Root(), root) }}, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
