package harness

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"nestbed/harness/bundle"
)

// Attempt is what came of a deed.
type Attempt struct {
	// Errno is the error of the kernel, in the words of strerror(3): empty if the deed was done.
	Errno string
	// Text is what the program said.
	Text string
}

// refusals are the errors by which the kernel keeps one from something, rather than finds something wrong with it.
var refusals = []string{"Operation not permitted", "Permission denied", "Read-only file system"}

// Refused tells whether the kernel kept the one who tried from the deed.
func (a Attempt) Refused() bool {
	for _, r := range refusals {
		if a.Errno == r {
			return true
		}
	}
	return false
}

func (a Attempt) String() string {
	if a.Errno == "" {
		return "done"
	}
	return fmt.Sprintf("%s (%s)", a.Errno, a.Text)
}

// Try has root of a level try a deed, in the level itself or, with its own
// rights, in a level above or on the host, level 0: amid the processes, mounts
// and namespaces of that place, of which only the user namespace is changed for
// that of the level. (There what the level cannot see is no wall, nor is its
// seccomp filter on the host.) An error means that nothing was tried.
func (c *Chain) Try(ctx context.Context, root, place int, d Deed) (Attempt, error) {
	if place > root {
		return Attempt{}, fmt.Errorf("root of level %d at level %d: it has its rights there; try it as root of that level", root, place)
	}
	as, own := "as=", 1
	if place < root {
		l, err := c.Level(root)
		if err != nil {
			return Attempt{}, err
		}
		if own, err = l.pidAt(place); err != nil {
			return Attempt{}, err
		}
		// Where both are one user namespace, as with a privileged level, there is nothing to enter: and no wall.
		as = fmt.Sprintf("as='nsenter -t %d -U -S 0 -G 0'; [ /proc/%[1]d/ns/user -ef /proc/1/ns/user ] && as=\n", own)
	}
	// The markers tell what the deed said from what came before, and that it was tried at all.
	script := fmt.Sprintf("export own=%d\n%s\n%s\n$as sh -c '%s' 2>&1; echo \"%s$?\"\n%s\n:", own, as, d.open, "echo "+triedMark+"; "+d.try, statusMark, d.clean)
	out, err := c.shell(ctx, place, script)
	if err != nil {
		return Attempt{}, err
	}
	return parseAttempt(place, d, out)
}

const (
	triedMark  = "nestbed: tried"
	statusMark = "nestbed: status "
)

// shell runs a script as root of the host, level 0, or of a level, with busybox's programs.
func (c *Chain) shell(ctx context.Context, place int, script string) (string, error) {
	return c.ExecAt(ctx, place, "sh", "-c", withApplets(script))
}

// withApplets is a script whose programs are busybox's, its shells as well.
func withApplets(script string) string { return "export PATH=" + bundle.Applets + ":$PATH\n" + script }

// lacks are what a shell says of a program that is not there, and busybox of an option: the machine's lack, not the kernel's word.
var lacks = regexp.MustCompile(`not found|(invalid|unrecognized) option|Usage:`)

// parseAttempt reads what the script wrote: the mark, what the deed said, its exit status.
func parseAttempt(place int, d Deed, out string) (Attempt, error) {
	_, said, tried := strings.Cut(out, triedMark+"\n")
	said, status, ended := strings.Cut(said, statusMark)
	said = strings.TrimSpace(said)
	switch {
	case !tried || !ended:
		return Attempt{}, fmt.Errorf("level %d: %s: it could not be tried: %q", place, d.Name, out)
	case lacks.MatchString(said):
		return Attempt{}, fmt.Errorf("level %d: %s: a program is lacking: %s", place, d.Name, said)
	case strings.TrimSpace(status) == "0":
		return Attempt{Text: said}, nil
	}
	lines := strings.Split(said, "\n")
	last := lines[len(lines)-1]
	errno := last[strings.LastIndex(last, ": ")+1:]
	if strings.Contains(last, "are you root?") {
		errno = "Operation not permitted" // busybox's words for it (util-linux/mount.c)
	}
	return Attempt{Errno: strings.TrimSpace(errno), Text: last}, nil
}

// pidAt is the id of the level's init as a level above it, or the host, level 0, numbers it.
func (l *Level) pidAt(place int) (int, error) {
	pid, err := l.Pid()
	if err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	// Outermost first; the last is the level's own.
	pids := parseStatus("", string(status)).pids
	if i := len(pids) - 1 - (l.Index - place); i >= 0 {
		return strconv.Atoi(pids[i])
	}
	return 0, fmt.Errorf("level %d: its init has no id at level %d: %q", l.Index, place, status)
}
