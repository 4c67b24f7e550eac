// Package attempt tells whether the kernel let a program do something, by the program's own words. Scripts run by busybox,
// whose errors are those of strerror(3).
package attempt

import (
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness/bundle"
)

// Attempt is what came of something that was tried.
type Attempt struct {
	// Errno is the error of the kernel, in the words of strerror(3); empty if it was done.
	Errno string
	// Text is what the program said.
	Text string
}

// refusals are the errors by which the kernel keeps one from something, rather than finds something wrong with it.
var refusals = []string{"Operation not permitted", "Permission denied", "Read-only file system"}

// Refused reports whether the kernel refused it.
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

// A script writes TriedMark when it begins what it tries, and StatusMark with the exit status when that has ended.
const (
	TriedMark  = "nestbed: tried"
	StatusMark = "nestbed: status "
)

// WithApplets is a script whose programs are busybox's, its shells as well.
func WithApplets(script string) string { return "export PATH=" + bundle.Applets + ":$PATH\n" + script }

// lacks are what a shell says of a program that is not there, and busybox of an option: the machine's lack, not the kernel's word.
var lacks = regexp.MustCompile(`not found|(invalid|unrecognized) option|Usage:`)

// Parse reads what the script wrote: the mark, what the deed said, its exit status.
func Parse(level int, what, out string) (Attempt, error) {
	_, said, tried := strings.Cut(out, TriedMark+"\n")
	said, status, ended := strings.Cut(said, StatusMark)
	said = strings.TrimSpace(said)
	switch {
	case !tried || !ended:
		return Attempt{}, fmt.Errorf("level %d: %s: it could not be tried: %q", level, what, out)
	case lacks.MatchString(said):
		return Attempt{}, fmt.Errorf("level %d: %s: a program is lacking: %s", level, what, said)
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
