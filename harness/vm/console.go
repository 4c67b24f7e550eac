package vm

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"
)

// consoleKept is the minimum of a console's output that stays in memory, in bytes. A boot fits.
const consoleKept = 1 << 20

// A console is the output of a guest's kernel and systemd. It also copies the output to a writer,
// which may be nil.
type console struct {
	to io.Writer

	mu   sync.Mutex
	text []byte
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if len(c.text) > 2*consoleKept { // not at each line
		c.text = append([]byte(nil), c.text[len(c.text)-consoleKept:]...)
	}
	if c.to != nil {
		return c.to.Write(p)
	}
	return len(p), nil
}

// contains reports whether the output contains the text.
func (c *console) contains(word string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.text, []byte(word))
}

// escape matches the escape sequences with which systemd colors its output (ECMA-48, CSI and
// OSC).
var escape = regexp.MustCompile("\x1b(\\[[0-9;?]*[a-zA-Z]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|.)")

func (c *console) lines() []string {
	c.mu.Lock()
	text := string(c.text)
	c.mu.Unlock()
	var lines []string
	for line := range strings.Lines(escape.ReplaceAllString(text, "")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// decisive matches the lines that explain why a guest cannot go on, the likeliest reason first.
var decisive = []*regexp.Regexp{
	regexp.MustCompile(`Kernel panic - not syncing.*`),
	regexp.MustCompile(`(Out of memory: Killed process.*|.*invoked oom-killer.*)`),
	regexp.MustCompile(`(?i).*No space left on device.*`),
	regexp.MustCompile(`BUG: .*`),
	regexp.MustCompile(`.*(blocked for more than \d+ seconds|soft lockup).*`),
	regexp.MustCompile(`.*Give root password for maintenance.*|.*Entering emergency mode.*|.*Failed to start nestbed\.service.*`),
	regexp.MustCompile(`^qemu-system-.*`),
}

// reason returns the line that explains why a guest has ended, or else the last line.
func (c *console) reason() string {
	lines := c.lines()
	for _, pattern := range decisive {
		for _, line := range lines {
			if said := pattern.FindString(line); said != "" {
				return said
			}
		}
	}
	if len(lines) == 0 {
		return "nothing"
	}
	return lines[len(lines)-1]
}
