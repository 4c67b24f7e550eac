package postmortem

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"
)

// describeConfig is the expanded configuration of a container, a line a key, and its state. What LXD notes for itself
// is left out, but for the ids.
func describeConfig(c api.Instance) string {
	lines := []string{"state: " + c.Status}
	for _, key := range slices.Sorted(maps.Keys(c.ExpandedConfig)) {
		if tells(key) {
			lines = append(lines, configLine(key, c.ExpandedConfig[key]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.ExpandedDevices)) {
		device := c.ExpandedDevices[name]
		text := ""
		for _, key := range slices.Sorted(maps.Keys(device)) {
			text += " " + key + "=" + device[key]
		}
		lines = append(lines, configLine("device "+name, strings.TrimSpace(text)))
	}
	return strings.Join(lines, "\n")
}

func configLine(key, value string) string {
	if strings.ContainsAny(value, "\n\r") {
		return fmt.Sprintf("%s: %q", key, value)
	}
	return key + ": " + value
}

// tells tells whether a key of the configuration says something about why a container is as it is.
func tells(key string) bool {
	switch {
	case strings.HasPrefix(key, "volatile.idmap."), strings.HasPrefix(key, "volatile.last_state."):
		return true
	}
	return !strings.HasPrefix(key, "volatile.") && !strings.HasPrefix(key, "image.")
}

// secret is a key or a certificate as it stands in a file, whole or cut off behind.
var secret = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|\z)`)

// withoutSecrets leaves out what must not be passed on with a report.
func withoutSecrets(text string) string {
	return secret.ReplaceAllString(text, "[a key or certificate, left out]")
}
