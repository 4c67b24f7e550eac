package classify

import (
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/internal/excerpt"
)

// decisiveLines are how many lines of a lxc.log a diagnosis quotes. The first tell the cause, the last where it ended.
const decisiveLines = 12

// grave is the priority of a line of liblxc's that tells of something wrong: "lxc c1 20261123162402.115 ERROR    conf - ...".
var grave = regexp.MustCompile(`\s(ERROR|WARN|ALERT|CRIT|FATAL)\s`)

// Decisive are the lines of a lxc.log that tell of something wrong, those that reasons are found by among them.
func Decisive(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if grave.MatchString(line) || slices.ContainsFunc(failureRules, func(r rule) bool { return r.words.MatchString(line) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return excerpt.Shorten(lines, decisiveLines)
}
