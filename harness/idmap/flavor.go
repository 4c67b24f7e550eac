package idmap

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// A Flavor names the program and version whose rules a daemon follows: LXD or Incus, and "-" with
// a version for the rules of that version (see At). Without a version these are the newest rules
// (see rule). The zero Flavor means LXD.
type Flavor string

// The flavors with the newest rules.
const (
	LXD   Flavor = "lxd"
	Incus Flavor = "incus"
)

var flavorPattern = regexp.MustCompile(`^(lxd|incus)(-\d+(\.\d+){0,2})?$`)

// ParseFlavor parses a flavor as it is written on the command line: lxd, incus, lxd-5.0.2.
func ParseFlavor(text string) (Flavor, error) {
	if !flavorPattern.MatchString(text) {
		return "", fmt.Errorf("flavor %q: not known; use lxd or incus, or one of their versions, such as lxd-5.0.2 or incus-6.0.4", text)
	}
	return Flavor(text), nil
}

// At returns the flavor of a version of the program, as its --version option prints it. A version
// that is no number has the newest rules.
func (f Flavor) At(version string) Flavor {
	number, _, _ := strings.Cut(version, " ") // "5.21.3 LTS"
	program, _, _ := strings.Cut(string(f), "-")
	if at := program + "-" + number; flavorPattern.MatchString(at) {
		return Flavor(at)
	}
	return Flavor(program)
}

// Incus reports whether the program is Incus.
func (f Flavor) Incus() bool { return strings.HasPrefix(string(f), string(Incus)) }

// Version returns the flavor's version, or "" if it has none.
func (f Flavor) Version() string {
	_, version, _ := strings.Cut(string(f), "-")
	return version
}

// Key returns the name that the daemon has for a configuration key of LXD. Incus has renamed the
// API for programs in a container (LXD: doc/dev-lxd.md; Incus: doc/dev-incus.md).
func (f Flavor) Key(key string) string {
	if rest, is := strings.CutPrefix(key, "security.devlxd"); is && f.Incus() {
		return "security.guestapi" + rest
	}
	return key
}

// GuestAPI returns the path, in a container, of the socket of that API.
func (f Flavor) GuestAPI() string {
	if f.Incus() {
		return "/dev/incus/sock"
	}
	return "/dev/lxd/sock"
}

// A rule is what a program does since some version, and did not do before. Every other rule of
// this package holds for LXD 5.0.0 and Incus 0.5 to the newest version with which scenarios have
// run (see Newest), and is assumed of newer ones.
type rule int

const (
	// A line of raw.idmap for uids and gids is split into two, so that a later line for uids
	// cuts no hole into the gids (LXD: 8940ff8a6b).
	splitsRawEntries rule = iota
	// subuid is read before LXD looks whether subgid exists, so that a malformed subuid counts
	// even if subgid is missing (LXD: c041b1eb1a).
	readsFilesInTurn
	// An isolated container may have the last ids of the allocation (Incus: c3dcb98076).
	isolatesInLastIDs
	// security.idmap.size also limits containers that are not isolated (Incus: 0ca8dd5174).
	limitsEverySize
	// A container that is being created, and has no base yet, takes no ids from an isolated one
	// (Incus: 26ff709765).
	ignoresUnplaced
	// The AppArmor profile of an unprivileged container allows all mounts, so that containers
	// start in it without KeyNesting, too (LXD: e1b97783c9; Incus: 36e76aaecb).
	allowsMounts
	// A gap between isolated containers is used if it has exactly the wanted size (lxc/incus#3998).
	isolatesInExactGaps
	// security.idmap.base is refused for isolated containers. Others get Block ids there, or
	// security.idmap.size, whether they are allocated or not, and isolated ones get no ids of
	// theirs (lxc/incus#4048).
	placesByBase
)

// since returns the first release of a program's main line with the rule, or "" if there is none,
// and the releases of older lines that got it later.
func (r rule) since(incus bool) (first string, fixes []string) {
	switch {
	case r == splitsRawEntries && !incus:
		return "5.21.0", []string{"5.0.4"}
	case r == readsFilesInTurn && !incus:
		return "6.8", nil
	case r == allowsMounts && !incus:
		return "6.7", []string{"5.21.5"}
	case r == allowsMounts:
		return "6.6", []string{"6.0.3"}
	case (r == isolatesInLastIDs || r == limitsEverySize) && incus:
		return "6.7", []string{"6.0.3"}
	case r == ignoresUnplaced && incus:
		return "6.8", []string{"6.0.3"}
	case (r == isolatesInExactGaps || r == placesByBase) && incus: // seen in Debian's 7.0.2; merged after 7.4
		return "7.5", []string{"7.0.2"}
	}
	return "", nil
}

// follows reports whether the flavor's program and version have the rule.
func (f Flavor) follows(r rule) bool {
	first, fixes := r.since(f.Incus())
	version := "v" + f.Version()
	switch {
	case first == "":
		return false
	case version == "v" || semver.Compare(version, "v"+first) >= 0:
		return true
	}
	return slices.ContainsFunc(fixes, func(fix string) bool {
		return semver.MajorMinor(version) == semver.MajorMinor("v"+fix) && semver.Compare(version, "v"+fix) >= 0
	})
}

// Newest returns the newest version of the flavor's program with which scenarios have run.
func (f Flavor) Newest() string {
	if f.Incus() {
		return "7.0"
	}
	return "6.9"
}

// NewerThanKnown reports whether the flavor's version is newer than Newest, so that its rules are
// only assumed to be the newest known ones.
func (f Flavor) NewerThanKnown() bool {
	return semver.Compare(semver.MajorMinor("v"+f.Version()), "v"+f.Newest()) > 0
}

// String returns the program and the version, such as "LXD 5.0.2" or "Incus".
func (f Flavor) String() string {
	name := "LXD"
	if f.Incus() {
		name = "Incus"
	}
	return strings.TrimSpace(name + " " + f.Version())
}
