package harness

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"
)

// decisiveLines are how many lines of a lxc.log a diagnosis quotes. The first tell the cause, the last where it ended.
const decisiveLines = 12

// grave is the priority of a line of liblxc's that tells of something wrong: "lxc c1 20261123162402.115 ERROR    conf - ...".
var grave = regexp.MustCompile(`\s(ERROR|WARN|ALERT|CRIT|FATAL)\s`)

// decisive are the lines of a lxc.log that tell of something wrong, those that reasons are found by among them.
func decisive(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if grave.MatchString(line) || slices.ContainsFunc(failureRules, func(r rule) bool { return r.words.MatchString(line) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return shorten(lines, decisiveLines)
}

// shorten keeps the first two thirds of what there is room for, and the last, with a line between that counts the others.
func shorten(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	last := room / 3
	first := room - last - 1
	return slices.Concat(lines[:first], []string{fmt.Sprintf("... %d lines more", len(lines)-first-last)}, lines[len(lines)-last:])
}

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
