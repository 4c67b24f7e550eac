// Package limit uses up memory, processes and processor time of a level, and reads the kernel's counters of that.
package limit

import (
	"context"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/attempt"
)

// Bounds of what a level is made to use: a limit that does not hold shall hurt nobody.
const (
	maxMegabytes = 900
	maxProcesses = 1000
)

// TakeMemory has one process at the level take and fill so many megabytes (of 2^20
// bytes), then end. Where the kernel does not let it, Errno is "Killed".
func TakeMemory(ctx context.Context, l *harness.Level, megabytes int) (attempt.Attempt, error) {
	if megabytes > maxMegabytes {
		return attempt.Attempt{}, fmt.Errorf("%d MB: too many; the most is %d", megabytes, maxMegabytes)
	}
	// One block: dd asks for it as a whole and fills it.
	return runScript(ctx, l, fmt.Sprintf("dd if=/dev/zero of=/dev/null bs=%dM count=1", megabytes))
}

// StartProcesses has a process at the level start so many others, and ends them.
func StartProcesses(ctx context.Context, l *harness.Level, count int) (attempt.Attempt, error) {
	if count > maxProcesses {
		return attempt.Attempt{}, fmt.Errorf("%d processes: too many; the most is %d", count, maxProcesses)
	}
	// kill, wait and [ are of the shell itself, which cannot start a program any more. What was killed
	// counts for the limits until it is waited for, and may keep the next process of a level above from starting.
	return runScript(ctx, l, fmt.Sprintf(
		`p=; trap "kill \$p; wait" EXIT; i=0; while [ $i -lt %d ]; do sleep 60 & p="$p $!"; i=$((i+1)); done`, count))
}

// Compute has a process at the level compute for a second without a break. Where it
// is held back it takes as long, and gets less done.
func Compute(ctx context.Context, l *harness.Level) (attempt.Attempt, error) {
	return runScript(ctx, l, `timeout 1 sh -c "while :; do :; done"; [ $? = 143 ]`)
}

// runScript runs a script of its own shell, whose end is told in the words of strerror(3) or by "Killed".
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
