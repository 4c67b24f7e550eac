package wall

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"nestbed/harness"
	"nestbed/harness/attempt"
	"nestbed/harness/internal/proc"
)

// Try tries an operation as root of the level root, in that level or in a place above it: another
// level or the host (level 0). In a place above, the script runs in all namespaces of that place,
// except that it enters the user namespace of the level. So neither the level's mounts and pid
// namespace nor, on the host, its seccomp filter can be the reason of a refusal. An error means
// that nothing was tried.
func Try(ctx context.Context, c *harness.Chain, root, place int, o Operation) (attempt.Attempt, error) {
	if place > root {
		return attempt.Attempt{}, fmt.Errorf("root of level %d at level %d: the place is inside the level; try it as root of that level", root, place)
	}
	as, own := "as=", 1
	if place < root {
		l, err := c.Level(root)
		if err != nil {
			return attempt.Attempt{}, err
		}
		if own, err = pidAt(l, place); err != nil {
			return attempt.Attempt{}, err
		}
		// A privileged level shares the user namespace of the place: there is nothing to enter.
		as = fmt.Sprintf("as='nsenter -t %d -U -S 0 -G 0'; [ /proc/%[1]d/ns/user -ef /proc/1/ns/user ] && as=\n", own)
	}
	// The marks separate the output of the operation from that of open, and show that it was tried
	// at all.
	script := fmt.Sprintf("export own=%d\n%s\n%s\n$as sh -c '%s' 2>&1; echo \"%s$?\"\n%s\n:", own, as, o.open, "echo "+attempt.TriedMark+"; "+o.try, attempt.StatusMark, o.clean)
	out, err := shell(ctx, c, place, script)
	if err != nil {
		return attempt.Attempt{}, err
	}
	return attempt.Parse(place, o.Name, out)
}

// shell runs a script with busybox's programs, as root of the host (level 0) or of a level.
func shell(ctx context.Context, c *harness.Chain, place int, script string) (string, error) {
	return c.ExecAt(ctx, place, "sh", "-c", attempt.WithApplets(script))
}

// pidAt returns the pid of the level's init as a level above it, or the host (level 0), numbers it.
func pidAt(l *harness.Level, place int) (int, error) {
	pid, err := l.Pid()
	if err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	// NSpid lists the outermost pid first and the level's own last.
	init, err := proc.ParseStatus(string(status))
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	pids := init.PIDs
	if i := len(pids) - 1 - (l.Index - place); i >= 0 {
		return strconv.Atoi(pids[i])
	}
	return 0, fmt.Errorf("level %d: its init has no pid at level %d: %q", l.Index, place, status)
}
