package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle/lxdmodule"
	"nestbed/harness/cache"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

var (
	// commonPackages are needed with either daemon.
	commonPackages = []string{"busybox-static", "uidmap", "iproute2", "rsync", "attr", "squashfs-tools", "xz-utils", "zstd"}

	lxdPackages = []string{"lxd", "lxd-client"}
	// Incus without support for virtual machines. It depends on one of several packages for its
	// system users; this one does not pull in all of systemd.
	incusPackages = []string{"incus-base", "systemd-standalone-sysusers"}
)

// checkValidUntil is the apt option that, if false, allows expired release files (man 5
// apt.conf).
const checkValidUntil = "Acquire::Check-Valid-Until"

// debianRecipe returns the recipe that copies the programs of a bundle out of a minimal Debian in
// the cache. All bundles of the suite and the daemon share that Debian. It is made again if its
// directory was removed from the cache.
func (st Store) debianRecipe(ctx context.Context, s Source, entries cache.Cache) (recipe, error) {
	entry, packages := Packages(s, AppArmor())
	return st.recipeFrom(ctx, s, entries, entry, func(ctx context.Context, dir string) error {
		st.progress(fmt.Sprintf("fetching the packages of %s", s.base()))
		return makeDebian(ctx, dir, s, packages)
	})
}

// moduleRecipe returns the recipe for LXD of the Go module. It is built in a Debian in the cache,
// and then taken from there like Debian's own.
func (st Store) moduleRecipe(ctx context.Context, s Source, entries cache.Cache) (recipe, error) {
	entry, packages := Packages(s, AppArmor())
	return st.recipeFrom(ctx, s, entries, entry, func(ctx context.Context, dir string) error {
		if _, err := exec.LookPath("go"); err != nil {
			return fmt.Errorf("bundle %s: this machine has no go, which builds LXD; install Go from https://go.dev/dl", s)
		}
		st.progress(fmt.Sprintf("fetching the packages for %s", s.base()))
		if err := makeDebian(ctx, dir, s, packages); err != nil {
			return err
		}
		st.progress(fmt.Sprintf("building %s, once, in two minutes", s.base()))
		if err := lxdmodule.Build(ctx, dir); err != nil {
			return fmt.Errorf("bundle %s: %w", s, err)
		}
		return nil
	})
}

// recipeFrom returns the recipe that copies the programs of a bundle out of an entry of the cache,
// which fill makes.
func (st Store) recipeFrom(ctx context.Context, s Source, entries cache.Cache, entry string, fill func(context.Context, string) error) (recipe, error) {
	dir, err := entries.Entry(ctx, entry, fill)
	if err != nil {
		return recipe{}, err
	}
	from := origin(dir)
	return recipe{key: filepath.Base(dir), dpkg: dir, fill: func(ctx context.Context, root string) error {
		files, err := from.files(ctx, s)
		if err != nil {
			return err
		}
		if err := withRoot(root, makeLayout); err != nil {
			return err
		}
		if err := from.copy(ctx, root, files); err != nil || !s.Systemd {
			return err
		}
		return from.copySystemd(ctx, root)
	}}, nil
}

// base returns the source without the options that do not change its packages.
func (s Source) base() Source {
	return Source{Kind: s.Kind, Arg: s.Arg, Incus: s.Incus, Systemd: s.Systemd, Engines: s.Engines}
}

// suite returns the suite of the Debian that the bundle is made from.
func (s Source) suite() string {
	if s.Kind == Module {
		return DefaultSuite
	}
	return s.Arg
}

// packagesPrefix is the prefix of the cache entries that Packages names.
const packagesPrefix = "packages-"

// Packages returns the name of the cache entry that Debian bundles of this source are made from,
// and the packages in it. apparmor is whether AppArmor is enabled on the machine that they are
// for.
func Packages(s Source, apparmor bool) (entry string, packages []string) {
	daemon, built := lxdPackages, ""
	switch {
	case s.Kind == Module:
		daemon, built = lxdmodule.Packages(), lxdmodule.Text()
	case s.Incus:
		daemon = slices.Concat(incusPackages, migrationPackages)
	}
	packages = slices.Concat(commonPackages, toolPackages, daemon)
	if s.Systemd {
		packages = append(packages, systemdPackages...)
	}
	if s.Engines {
		packages = append(packages, enginePackages...)
		if s.Arg != "bookworm" { // where docker.io has the client, which builds images itself
			packages = append(packages, "docker-cli", "docker-buildx")
		}
	}
	if apparmor {
		packages = append(packages, apparmorPackage)
	}
	text := fmt.Appendln(nil, s.suite(), packages)
	key := sha256.Sum256(append(text, built...))
	return fmt.Sprintf("%s%s-%x", packagesPrefix, s.suite(), key[:8]), packages
}

// Fetched returns the names of the store's entries of packages, as Packages names them.
func (st Store) Fetched() []string {
	found, _ := filepath.Glob(filepath.Join(st.Path(), packagesPrefix+"*")) // the pattern is valid
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

// Mmdebstrap returns the command that makes a minimal Debian of a suite with additional packages.
// The options decide whether it is a directory or an archive (man 1 mmdebstrap).
func Mmdebstrap(ctx context.Context, suite string, packages []string, to string, options ...string) *exec.Cmd {
	args := []string{
		"--quiet", "--variant=minbase", "--include=" + strings.Join(packages, ","),
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--aptopt=Apt::Install-Recommends false",
	}
	if apt, err := command.New(ctx, "apt-config", "dump", "--format=%v%n", checkValidUntil).Output(); err == nil && strings.TrimSpace(string(apt)) == "false" {
		// This machine's apt accepts an outdated mirror. (Release files of sid are valid for a
		// week.)
		args = append(args, fmt.Sprintf("--aptopt=%s false", checkValidUntil))
	}
	if id, _ := distribution(); id != "debian" {
		// Other distributions' apt does not trust Debian's keys.
		args = append(args, "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg")
	}
	var namespaces uintptr
	if os.Geteuid() == 0 {
		// It mounts proc, sys and parts of dev in its Debian, and cannot unmount them if it is
		// killed.
		args, namespaces = append(args, "--mode=root"), unix.CLONE_NEWNS
	} else {
		args = append(args, "--mode=unshare")
	}
	cmd := command.New(ctx, "mmdebstrap", append(append(args, options...), suite, to)...)
	cmd.SysProcAttr.Unshareflags = namespaces
	return cmd
}

// makeDebian makes a minimal Debian with the packages in root.
func makeDebian(ctx context.Context, root string, s Source, packages []string) error {
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return fmt.Errorf("bundle %s: this machine has no mmdebstrap; run apt-get install mmdebstrap", s)
	}
	if out, err := Mmdebstrap(ctx, s.suite(), packages, root).CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s: mmdebstrap: %w: %s", s, err, lastLine(string(out)))
	}
	return withRoot(root, func(r *inroot.Root) error {
		return errors.Join(r.RemoveAll("var/cache/apt"), r.RemoveAll("var/lib/apt"))
	})
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
