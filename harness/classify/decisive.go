package classify

import (
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/internal/excerpt"
)

// decisiveLines is the number of lines of an lxc.log in a diagnosis. The first lines show the
// cause, the last ones the end.
const decisiveLines = 12

// problemPriority matches the priority of a line in which liblxc reports a problem: "lxc c1
// 20261123162402.115 ERROR    conf - ...".
var problemPriority = regexp.MustCompile(`\s(ERROR|WARN|ALERT|CRIT|FATAL)\s`)

// Decisive returns the lines of an lxc.log that report a problem or match a rule.
func Decisive(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if problemPriority.MatchString(line) || slices.ContainsFunc(failureRules, func(r rule) bool { return r.matches(line) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return excerpt.Shorten(lines, decisiveLines)
}
