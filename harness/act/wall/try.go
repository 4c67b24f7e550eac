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

// Try has root of a level try a deed, in the level itself or, with its own
// rights, in a level above or on the host, level 0: amid the processes, mounts
// and namespaces of that place, of which only the user namespace is changed for
// that of the level. (There what the level cannot see is no wall, nor is its
// seccomp filter on the host.) An error means that nothing was tried.
func Try(ctx context.Context, c *harness.Chain, root, place int, d Deed) (attempt.Attempt, error) {
	if place > root {
		return attempt.Attempt{}, fmt.Errorf("root of level %d at level %d: it has its rights there; try it as root of that level", root, place)
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
		// Where both are one user namespace, as with a privileged level, there is nothing to enter: and no wall.
		as = fmt.Sprintf("as='nsenter -t %d -U -S 0 -G 0'; [ /proc/%[1]d/ns/user -ef /proc/1/ns/user ] && as=\n", own)
	}
	// The markers tell what the deed said from what came before, and that it was tried at all.
	script := fmt.Sprintf("export own=%d\n%s\n%s\n$as sh -c '%s' 2>&1; echo \"%s$?\"\n%s\n:", own, as, d.open, "echo "+attempt.TriedMark+"; "+d.try, attempt.StatusMark, d.clean)
	out, err := shell(ctx, c, place, script)
	if err != nil {
		return attempt.Attempt{}, err
	}
	return attempt.Parse(place, d.Name, out)
}

// shell runs a script as root of the host, level 0, or of a level, with busybox's programs.
func shell(ctx context.Context, c *harness.Chain, place int, script string) (string, error) {
	return c.ExecAt(ctx, place, "sh", "-c", attempt.WithApplets(script))
}

// pidAt is the id of the level's init as a level above it, or the host, level 0, numbers it.
func pidAt(l *harness.Level, place int) (int, error) {
	pid, err := l.Pid()
	if err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	// Outermost first; the last is the level's own.
	init, err := proc.ParseStatus(string(status))
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	pids := init.PIDs
	if i := len(pids) - 1 - (l.Index - place); i >= 0 {
		return strconv.Atoi(pids[i])
	}
	return 0, fmt.Errorf("level %d: its init has no id at level %d: %q", l.Index, place, status)
}
