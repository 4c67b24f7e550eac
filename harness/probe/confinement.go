package probe

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"nestbed/harness"
)

// A Confinement is one of the AppArmor profiles that confine a process.
type Confinement struct {
	// Namespace is the container whose profile namespace has the profile. It is empty for the
	// machine's own namespace.
	Namespace string
	// Profile is the container that LXD made the profile for. A profile of another program keeps
	// its name, and "unconfined" means none.
	Profile string
}

// lxdName matches the names of the profiles and namespaces that LXD makes for a container (LXD:
// lxd/apparmor/instance.go). Incus uses its own prefix.
var lxdName = regexp.MustCompile(`^(?:lxd|incus)-(.*)_<.*>$`)

// parseLabel parses the label of a process: profiles joined by "//&", each with its namespace
// between colons before it, and the mode at the end (security/apparmor/label.c,
// aa_label_snxprint).
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

// ConfinementOf returns the AppArmor profiles that confine the level's init, as the machine sees
// them.
func ConfinementOf(l *harness.Level) ([]Confinement, error) {
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
