package reach

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness/bundle"
)

// tooOften is how often an LXD may have been started again while it is waited for: once is bad luck.
const tooOften = 2

// Ends gives what tells, from now on, whether the LXD of this root ends whenever it is started, which its
// level's init does again and again. It ends a wait for that LXD long before its budget does.
func (r *Root) Ends(ctx context.Context) func() error {
	before := max(1, r.starts(ctx))
	return func() error {
		again := r.starts(ctx) - before
		if again < tooOften {
			return nil
		}
		said, _ := r.ReadFile(ctx, bundle.SaidFile)
		lines := strings.Split(strings.TrimSpace(ErrorLines(string(said))), "\n")
		why := lines[len(lines)-1]
		if why == "" {
			why = "nothing about why"
		}
		return fmt.Errorf("LXD ended at its start, and was started again %d times; it said: %s", again, why)
	}
}

// ErrorLines returns what an LXD said without the lines of its log that are no errors.
func ErrorLines(said string) string {
	var b strings.Builder
	for line := range strings.Lines(said) {
		if !harmless.MatchString(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// harmless is a line of LXD's log by its level (github.com/sirupsen/logrus, TextFormatter).
var harmless = regexp.MustCompile(`\blevel=(warning|info|debug|trace)\b`)

// starts is how often the LXD of this root was started.
func (r *Root) starts(ctx context.Context) int {
	info, err := r.Look(ctx, bundle.StartedFile)
	if err != nil {
		return 0 // it was not yet
	}
	return int(info.Size)
}
