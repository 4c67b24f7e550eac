package host

import (
	"fmt"
	"os"
	"strings"

	"nestbed/harness/bundle"
)

// tooOften is how often a LXD may have been started again while it is waited for: once is bad luck.
const tooOften = 2

// Ends gives what tells, from now on, whether the LXD of this root ends whenever it is started, which its
// level's init does again and again. It ends a wait for that LXD long before its budget does.
func (r *Root) Ends() func() error {
	before := max(1, r.starts())
	return func() error {
		again := r.starts() - before
		if again < tooOften {
			return nil
		}
		said, _ := r.ReadFile(bundle.SaidFile) // who was killed has said nothing
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return fmt.Errorf("LXD ended at its start, and was started again %d times; it said: %q", again, lines[len(lines)-1])
	}
}

// starts is how often the LXD of this root was started.
func (r *Root) starts() int {
	info, err := os.Stat(r.Path(bundle.StartedFile))
	if err != nil {
		return 0 // it was not yet
	}
	return int(info.Size())
}
