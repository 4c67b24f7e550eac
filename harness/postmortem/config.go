package postmortem

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"
)

// describeConfig returns the state of a container, then its expanded configuration with one key
// per line. It leaves out what LXD notes for itself, except for ids and the last state.
func describeConfig(c api.Instance) string {
	lines := []string{"state: " + c.Status}
	for _, key := range slices.Sorted(maps.Keys(c.ExpandedConfig)) {
		if explains(key) {
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

// explains reports whether a key of the configuration may explain the state of a container.
func explains(key string) bool {
	switch {
	case strings.HasPrefix(key, "volatile.idmap."), strings.HasPrefix(key, "volatile.last_state."):
		return true
	}
	return !strings.HasPrefix(key, "volatile.") && !strings.HasPrefix(key, "image.")
}

// secret matches a key or a certificate in a file, also if its end is cut off.
var secret = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|\z)`)

// withoutSecrets removes keys and certificates, which a report must not have.
func withoutSecrets(text string) string {
	return secret.ReplaceAllString(text, "[a key or certificate, left out]")
}
