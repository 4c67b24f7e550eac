package harness

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// Confinement is one of the AppArmor profiles that a process is in at once.
type Confinement struct {
	// Namespace is the container whose namespace of profiles it is in; empty: the machine's.
	Namespace string
	// Profile is the container that LXD made it for; of another's it is the name, and "unconfined" that of none.
	Profile string
}

// lxdName is how LXD names what it makes for a container (LXD: lxd/apparmor/instance.go; Incus, with its own prefix, too).
var lxdName = regexp.MustCompile(`^(?:lxd|incus)-(.*)_<.*>$`)

// parseLabel reads what the kernel writes of a process: profiles with "//&" between them, a namespace between
// colons before its profile, and the mode at the end (security/apparmor/label.c, aa_label_snxprint).
func parseLabel(text string) []Confinement {
	text = strings.TrimRight(text, "\n\x00")
	if at := strings.LastIndex(text, " ("); at >= 0 {
		text = text[:at]
	}
	var parts []Confinement
	for part := range strings.SplitSeq(text, "//&") {
		var c Confinement
		if inside, ok := strings.CutPrefix(part, ":"); ok {
			c.Namespace, part, _ = strings.Cut(inside, ":")
			part = strings.TrimPrefix(part, "//")
		}
		c.Namespace, c.Profile = lxdName.ReplaceAllString(c.Namespace, "$1"), lxdName.ReplaceAllString(part, "$1")
		parts = append(parts, c)
	}
	return parts
}

// Confinement is by which AppArmor profiles the level's init is confined, seen from the machine.
func (l *Level) Confinement() ([]Confinement, error) {
	pid, err := l.Pid()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/apparmor/current", pid))
	if err != nil {
		return nil, fmt.Errorf("level %d: AppArmor: %w", l.Index, err)
	}
	return parseLabel(string(text)), nil
}

// confined tells whether the LXD in a level of a host can make no AppArmor profiles.
func confined(h host.Traits, level int) bool { return h.AppArmor && level >= idmap.Confined }

// profileOf is the configuration that the LXD of a level gives all its containers.
func profileOf(h host.Traits, level int) map[string]string {
	if !confined(h, level) {
		return nil
	}
	return map[string]string{idmap.KeyRawLXC: idmap.UnchangedProfile}
}
