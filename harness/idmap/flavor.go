package idmap

import (
	"fmt"
	"strings"
)

// A Flavor names the program whose rules a daemon follows. The zero Flavor means LXD.
type Flavor string

// The flavors.
const (
	// LXD is LXD 5.21 to main, and 5.0.3 and later of the 5.0 line.
	LXD Flavor = "lxd"
	// LXD502 is LXD 5.0.0 to 5.0.2, and Debian's 5.0.2+git20231211. It differs from LXD only
	// for lines of raw.idmap that overlap (see add).
	LXD502 Flavor = "lxd-5.0.2"
	// Incus is Incus 6.0.4 and later of the 6.0 line, 6.7 and later, and 7. Earlier versions,
	// like LXD, need one more id for an isolated container, and use security.idmap.size for
	// isolated containers only.
	Incus Flavor = "incus"
)

// Flavors returns every flavor.
func Flavors() []Flavor { return []Flavor{LXD, LXD502, Incus} }

// ParseFlavor parses a flavor as it is written on the command line.
func ParseFlavor(text string) (Flavor, error) {
	for _, f := range Flavors() {
		if string(f) == text {
			return f, nil
		}
	}
	return "", fmt.Errorf("flavor %q: not known; the flavors are %q", text, Flavors())
}

// Key returns the name that the daemon has for a configuration key of LXD. Incus has renamed the
// API for programs in a container (LXD: doc/dev-lxd.md; Incus: doc/dev-incus.md).
func (f Flavor) Key(key string) string {
	if rest, is := strings.CutPrefix(key, "security.devlxd"); is && f == Incus {
		return "security.guestapi" + rest
	}
	return key
}

// GuestAPI returns the path, in a container, of the socket of that API.
func (f Flavor) GuestAPI() string {
	if f == Incus {
		return "/dev/incus/sock"
	}
	return "/dev/lxd/sock"
}
