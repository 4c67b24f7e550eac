package bundle

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Kind is the kind of place that a bundle's LXD comes from.
type Kind string

// The kinds.
const (
	Installed Kind = "installed" // the LXD installed on this machine
	Debian    Kind = "debian"    // the LXD or Incus package of a Debian suite, by mmdebstrap
	Dir       Kind = "dir"       // the user's root filesystem
	Tar       Kind = "tar"       // the same as a tar archive, compressed or not
	Module    Kind = "module"    // LXD, built from the Go module that nestbed uses
	Snap      Kind = "snap"      // LXD's snap, as a file
	Built     Kind = "built"     // the directory of an LXD or Incus that was just built
)

// paths are the kinds whose Arg is a path.
var paths = []Kind{Dir, Tar, Snap, Built}

// DefaultSuite is the newest Debian suite that packages LXD.
const DefaultSuite = "trixie"

// IncusSuffix is the suffix of a suite that selects its Incus instead of its LXD.
const IncusSuffix = "/incus"

// withTools is the suffix that sets Tools.
const withTools = ",with-tools"

// withClient is the suffix that sets Client.
const withClient = ",with-client"

// withMigration is the suffix that sets Migration.
const withMigration = ",with-migration"

// withSystemd is the suffix that sets Systemd.
const withSystemd = ",with-systemd"

// withEngines is the suffix that sets Engines.
const withEngines = ",with-engines"

// noShadow is the suffix that sets NoShadow.
const noShadow = ",no-newuidmap"

// A Source describes what a bundle is made from.
type Source struct {
	Kind Kind
	// Arg is the suite of Debian, the program of Module, or the absolute path of the other kinds.
	Arg string
	// Incus selects the suite's Incus instead of its LXD. The others run the daemon that they
	// contain.
	Incus bool
	// NoShadow leaves out newuidmap and newgidmap. liblxc then writes idmaps itself, as it does
	// in the snap and on machines without the package uidmap.
	NoShadow bool
	// Tools adds programs that some scenarios run: usermod, btrfs, crun, lxc-start, lxcfs,
	// dnsmasq, nft, runc.
	Tools bool
	// Client adds lxc, LXD's command-line client.
	Client bool
	// Migration adds lxd-to-incus, and Incus as a service for it to start and stop. It requires
	// Debian's Incus.
	Migration bool
	// Systemd makes systemd the init of levels, and starts LXD by the units of its package. It
	// requires Debian's LXD.
	Systemd bool
	// Engines adds Docker and Podman. It requires a suite of Debian.
	Engines bool
}

// An addition is a suffix of a source and the option that it sets.
type addition struct {
	suffix string
	set    *bool
}

// additions returns the suffixes in the order in which they are written.
func (s *Source) additions() []addition {
	return []addition{{withTools, &s.Tools}, {withClient, &s.Client}, {withMigration, &s.Migration}, {withSystemd, &s.Systemd}, {withEngines, &s.Engines}, {noShadow, &s.NoShadow}}
}

var suiteName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Forms lists the forms of sources, for help texts.
const Forms = "installed, built:DIR, snap:FILE, module:lxd, debian:SUITE, debian:SUITE/incus, dir:PATH or tar:FILE"

// ParseSource parses a source in one of its Forms. It accepts the suffixes of additions in their
// order.
func ParseSource(text string) (Source, error) {
	var s Source
	base := text
	for _, a := range slices.Backward(s.additions()) {
		base, *a.set = strings.CutSuffix(base, a.suffix)
	}
	kind, arg, _ := strings.Cut(base, ":")
	s.Kind, s.Arg = Kind(kind), arg
	switch {
	case s.Kind == Installed && arg == "":
		return s.validated(text)
	case s.Kind == Debian:
		if s.Arg, s.Incus = strings.CutSuffix(arg, IncusSuffix); suiteName.MatchString(s.Arg) {
			return s.validated(text)
		}
	case s.Kind == Module && arg == lxdDaemon:
		return s.validated(text)
	case slices.Contains(paths, s.Kind) && arg != "":
		var err error
		if s.Arg, err = filepath.Abs(arg); err != nil {
			return Source{}, err
		}
		for _, a := range s.additions() {
			if strings.HasSuffix(s.Arg, a.suffix) {
				return Source{}, fmt.Errorf("bundle %q: the name ends in %s, which would be read as an option; rename it", text, a.suffix)
			}
		}
		return s.validated(text)
	}
	return Source{}, fmt.Errorf("bundle %q: unknown; write %s (a SUITE is, for example, %s)", text, Forms, DefaultSuite)
}

// validated returns the source, or an error if the kind of source does not support an option.
func (s Source) validated(text string) (Source, error) {
	if s.Migration && !s.Incus {
		return Source{}, fmt.Errorf("bundle %q: %s requires Debian's Incus; write debian:SUITE%s%s", text, withMigration, IncusSuffix, withMigration)
	}
	if s.Systemd && (s.Kind != Debian || s.Incus) {
		return Source{}, fmt.Errorf("bundle %q: %s requires Debian's LXD; write debian:SUITE%s", text, withSystemd, withSystemd)
	}
	if s.Engines && s.Kind != Debian {
		return Source{}, fmt.Errorf("bundle %q: %s requires a suite of Debian; write debian:SUITE%s", text, withEngines, withEngines)
	}
	return s, nil
}

// String returns the text that ParseSource parses.
func (s Source) String() string {
	text := string(s.Kind)
	if s.Arg != "" {
		text += ":" + s.Arg
	}
	if s.Incus {
		text += IncusSuffix
	}
	for _, a := range s.additions() {
		if *a.set {
			text += a.suffix
		}
	}
	return text
}

// Choose returns the source for this machine. why is empty if that is the installed LXD;
// otherwise it says why not. A snap cannot be copied into a bundle, and it ignores the subid
// files (LXD: snapcraft/commands/daemon.start).
func Choose() (s Source, why string, err error) {
	debian := Source{Kind: Debian, Arg: DefaultSuite}
	lxd, err := lookPath("lxd")
	if err == nil {
		if isSnap(lxd) {
			return debian, "the LXD of this machine is a snap", nil
		}
		if !isProgram(lxd) {
			return debian, lxd + " is not LXD but a script that installs it", nil
		}
		return Source{Kind: Installed}, "", nil
	}
	id, codename := distribution()
	if id == "debian" && (codename == "bookworm" || codename == "trixie") {
		return Source{}, "", fmt.Errorf("LXD: not installed on this machine; run make setup, or apt-get install %s", strings.Join(InstalledPackages(), " "))
	}
	return debian, fmt.Sprintf("%s %s packages no LXD", id, codename), nil
}

// InstalledPackages returns the Debian packages that a bundle of the installed LXD needs.
func InstalledPackages() []string {
	return withAppArmor([]string{"lxd", "busybox-static", "iproute2", "uidmap", "rsync", "xz-utils", "zstd", "squashfs-tools", "attr"}, apparmorPackage)
}

func isSnap(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	return strings.HasPrefix(path, "/snap/") || strings.HasPrefix(real, "/snap/") || filepath.Base(real) == "snap"
}

// isProgram reports whether the file is a program, and not the script that Ubuntu installs in
// place of LXD (package lxd-installer).
func isProgram(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
