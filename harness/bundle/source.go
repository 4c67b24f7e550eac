package bundle

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Kind is where a bundle's LXD comes from.
type Kind string

// The kinds.
const (
	Installed Kind = "installed" // the LXD on this machine
	Debian    Kind = "debian"    // a Debian suite's package of LXD or of Incus, by mmdebstrap
	Dir       Kind = "dir"       // a root filesystem that the user made
	Tar       Kind = "tar"       // the same in a tar archive, compressed or not
)

// DefaultSuite is the newest Debian suite that packages LXD.
const DefaultSuite = "trixie"

// OfIncus is the suffix of a suite whose Incus is meant, not its LXD.
const OfIncus = "/incus"

// withTools is the suffix of a source whose bundle has Tools.
const withTools = ",with-tools"

// withClient is the suffix of a source whose bundle has Client.
const withClient = ",with-client"

// withMigration is the suffix of a source whose bundle has Migration.
const withMigration = ",with-migration"

// withSystemd is the suffix of a source whose bundle has Systemd.
const withSystemd = ",with-systemd"

// noShadow is the suffix of a source whose bundle goes without newuidmap and newgidmap.
const noShadow = ",no-newuidmap"

// Source says what a bundle is made from.
type Source struct {
	Kind Kind
	// Arg is the suite of Debian, the absolute path of Dir and Tar.
	Arg string
	// Incus takes the suite's Incus instead of its LXD. Dir and Tar have whichever is in it.
	Incus bool
	// NoShadow leaves out newuidmap and newgidmap, so that liblxc writes idmaps
	// itself, as it does in the snap and on machines without the package uidmap.
	NoShadow bool
	// Tools adds what some scenarios run beside LXD: usermod, btrfs, crun, lxc-start, lxcfs.
	Tools bool
	// Client adds lxc, the client that people type.
	Client bool
	// Migration adds lxd-to-incus, and Incus as a service, which that stops and starts. Only Debian's Incus can have it.
	Migration bool
	// Systemd has systemd as the init of levels, and their LXD started by the units of its package. Only Debian's LXD can have it.
	Systemd bool
}

// addition is a suffix of a source, with what it sets there.
type addition struct {
	suffix string
	set    *bool
}

// additions are the suffixes, in the order that they are written in.
func (s *Source) additions() []addition {
	return []addition{{withTools, &s.Tools}, {withClient, &s.Client}, {withMigration, &s.Migration}, {withSystemd, &s.Systemd}, {noShadow, &s.NoShadow}}
}

var suiteName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Forms is how sources are written, for help texts.
const Forms = "installed, debian:SUITE, debian:SUITE/incus, dir:PATH or tar:FILE"

// ParseSource reads a source in one of its Forms, each with an
// optional ",with-tools", then ",with-client", then ",with-migration", then ",with-systemd", then ",no-newuidmap".
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
		return s.checked(text)
	case s.Kind == Debian:
		if s.Arg, s.Incus = strings.CutSuffix(arg, OfIncus); suiteName.MatchString(s.Arg) {
			return s.checked(text)
		}
	case (s.Kind == Dir || s.Kind == Tar) && arg != "":
		var err error
		if s.Arg, err = filepath.Abs(arg); err != nil {
			return Source{}, err
		}
		for _, a := range s.additions() {
			if strings.HasSuffix(s.Arg, a.suffix) {
				return Source{}, fmt.Errorf("bundle %q: the name ends in %s, which means something else here; rename it", text, a.suffix)
			}
		}
		return s.checked(text)
	}
	return Source{}, fmt.Errorf("bundle %q: not known; write %s (a SUITE is, say, %s)", text, Forms, DefaultSuite)
}

// checked refuses an addition that the kind of source cannot have.
func (s Source) checked(text string) (Source, error) {
	if s.Migration && !s.Incus {
		return Source{}, fmt.Errorf("bundle %q: only an Incus of Debian's comes with what makes one of a LXD; write debian:SUITE%s%s", text, OfIncus, withMigration)
	}
	if s.Systemd && (s.Kind != Debian || s.Incus) {
		return Source{}, fmt.Errorf("bundle %q: only a LXD of Debian's comes with the units of its package; write debian:SUITE%s", text, withSystemd)
	}
	return s, nil
}

// String is the text that ParseSource reads.
func (s Source) String() string {
	text := string(s.Kind)
	if s.Arg != "" {
		text += ":" + s.Arg
	}
	if s.Incus {
		text += OfIncus
	}
	for _, a := range s.additions() {
		if *a.set {
			text += a.suffix
		}
	}
	return text
}

// Choose picks the source for this machine, and says why where that is not the
// LXD installed here: a snap cannot be taken apart into a bundle, and it
// ignores subuid besides (LXD: snapcraft/commands/daemon.start).
func Choose() (s Source, why string, err error) {
	debian := Source{Kind: Debian, Arg: DefaultSuite}
	lxd, err := lookPath("lxd")
	if err == nil {
		if isSnap(lxd) {
			return debian, "the LXD of this machine is a snap", nil
		}
		if !isProgram(lxd) {
			return debian, lxd + " is not LXD itself but a script that fetches it", nil
		}
		return Source{Kind: Installed}, "", nil
	}
	id, codename := distribution()
	if id == "debian" && (codename == "bookworm" || codename == "trixie") {
		return Source{}, "", fmt.Errorf("LXD: not installed on this machine; run make setup, or apt-get install %s", strings.Join(InstalledPackages(), " "))
	}
	return debian, fmt.Sprintf("%s %s packages no LXD", id, codename), nil
}

// InstalledPackages are Debian's packages for a bundle of the installed LXD.
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

// isProgram tells a LXD from the script that Ubuntu installs in its place (package lxd-installer).
func isProgram(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
