// Package attempt reads in a program's output whether the kernel let it do something. Scripts run
// in busybox, whose errors are those of strerror(3).
package attempt

import (
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness/bundle"
)

// An Attempt is the result of something that a program tried.
type Attempt struct {
	// Errno is the error of the kernel, in the words of strerror(3). It is empty on success.
	Errno string
	// Text is the program's output, on failure only its last line.
	Text string
}

// refusals are the errors with which the kernel denies permission. Other errors are about the
// call.
var refusals = []string{"Operation not permitted", "Permission denied", "Read-only file system"}

// Refused reports whether the kernel denied permission.
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

// A script writes TriedMark before it tries something, and StatusMark with the exit status after.
const (
	TriedMark  = "nestbed: tried"
	StatusMark = "nestbed: status "
)

// WithApplets returns the script with busybox's programs, shells included, first in its PATH.
func WithApplets(script string) string { return "export PATH=" + bundle.Applets + ":$PATH\n" + script }

// missingProgram matches the error of a shell for a missing program, and that of busybox for a
// missing option. The kernel had no say then.
var missingProgram = regexp.MustCompile(`not found|(invalid|unrecognized) option|Usage:`)

// Parse parses the output of a script: TriedMark, the program's output, StatusMark and exit
// status.
func Parse(level int, what, out string) (Attempt, error) {
	_, said, tried := strings.Cut(out, TriedMark+"\n")
	said, status, ended := strings.Cut(said, StatusMark)
	said = strings.TrimSpace(said)
	switch {
	case !tried || !ended:
		return Attempt{}, fmt.Errorf("level %d: %s: not tried: read %q, expected %q and a status", level, what, out, TriedMark)
	case missingProgram.MatchString(said):
		return Attempt{}, fmt.Errorf("level %d: %s: a program or option is missing: %s", level, what, said)
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
