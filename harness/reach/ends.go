package reach

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness/bundle"
)

// maxRestarts is the number of restarts of LXD after which a wait for it ends. One may be bad luck.
const maxRestarts = 2

// WatchRestarts returns a function that fails if the LXD of this root has ended at its start and
// was started again maxRestarts times since WatchRestarts was called. The level's init restarts
// LXD without limit. The function ends a wait for such an LXD long before its budget.
func (r *Root) WatchRestarts(ctx context.Context) func() error { return r.watchRestarts(ctx, 0) }

// watchRestarts is WatchRestarts, but does not count some starts that are wanted.
func (r *Root) watchRestarts(ctx context.Context, wanted int) func() error {
	before := max(1, r.starts(ctx)) + wanted
	return func() error {
		again := r.starts(ctx) - before
		if again < maxRestarts {
			return nil
		}
		said, _ := r.ReadFile(ctx, bundle.StderrFile)
		lines := strings.Split(strings.TrimSpace(ErrorLines(string(said))), "\n")
		why := lines[len(lines)-1]
		if why == "" {
			why = "none"
		}
		return fmt.Errorf("LXD ended at its start and was restarted %d times; its last error: %s", again, why)
	}
}

// ErrorLines returns the output of an LXD without the log lines that are not errors.
func ErrorLines(said string) string {
	var b strings.Builder
	for line := range strings.Lines(said) {
		if !belowError.MatchString(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// belowError matches a line of LXD's log below level error (github.com/sirupsen/logrus,
// TextFormatter).
var belowError = regexp.MustCompile(`\blevel=(warning|info|debug|trace)\b`)

// starts returns how often the LXD of this root was started.
func (r *Root) starts(ctx context.Context) int {
	info, err := r.Look(ctx, bundle.StartedFile)
	if err != nil {
		return 0 // LXD was not started yet
	}
	return int(info.Size)
}
