// Package limit uses memory, processes and processor time in a level, and reads the kernel's
// counters of them.
package limit

import (
	"context"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/attempt"
)

// Upper bounds of what a level is made to use, so that a limit that does not work harms nobody.
const (
	maxMegabytes = 900
	maxProcesses = 1000
)

// TakeMemory runs a process at the level that allocates and fills so many megabytes (2^20 bytes
// each) and then exits. If the kernel kills it, Errno is "Killed".
func TakeMemory(ctx context.Context, l *harness.Level, megabytes int) (attempt.Attempt, error) {
	if megabytes > maxMegabytes {
		return attempt.Attempt{}, fmt.Errorf("%d MB: too many; use at most %d", megabytes, maxMegabytes)
	}
	// dd allocates and fills one block as a whole.
	return runScript(ctx, l, fmt.Sprintf("dd if=/dev/zero of=/dev/null bs=%dM count=1", megabytes))
}

// StartProcesses runs a process at the level that starts so many others and then ends them.
func StartProcesses(ctx context.Context, l *harness.Level, count int) (attempt.Attempt, error) {
	if count > maxProcesses {
		return attempt.Attempt{}, fmt.Errorf("%d processes: too many; use at most %d", count, maxProcesses)
	}
	// kill, wait and [ are builtins: at the limit the shell cannot start programs. A killed
	// process counts against the limits until it is waited for, and could prevent the next process
	// of a level above.
	return runScript(ctx, l, fmt.Sprintf(
		`p=; trap "kill \$p; wait" EXIT; i=0; while [ $i -lt %d ]; do sleep 60 & p="$p $!"; i=$((i+1)); done`, count))
}

// Compute runs a process at the level that uses a processor continuously for a second. If it is
// throttled it takes as long, and computes less.
func Compute(ctx context.Context, l *harness.Level) (attempt.Attempt, error) {
	return runScript(ctx, l, `timeout 1 sh -c "while :; do :; done"; [ $? = 143 ]`)
}

// runScript runs a script in its own shell. Errno is a text of strerror(3) or "Killed".
func runScript(ctx context.Context, l *harness.Level, script string) (attempt.Attempt, error) {
	out, err := l.Exec(ctx, "sh", "-c", attempt.WithApplets(fmt.Sprintf(`sh -c 'echo "%s"; %s' 2>&1; echo "%s$?"`, attempt.TriedMark, script, attempt.StatusMark)))
	if err != nil {
		return attempt.Attempt{}, err
	}
	a, err := attempt.Parse(l.Index, "use what there is", out)
	if strings.Contains(out, attempt.StatusMark+"137") { // 128 + SIGKILL
		a.Errno = "Killed"
	}
	return a, err
}
