package harness

import (
	"fmt"
	"strings"

	"nestbed/harness/idmap"
)

// LevelError is why a chain stopped: Level could not be made, Op failed, for Reason.
type LevelError struct {
	idmap.Stop
	// Err is the error of the API or of the wait.
	Err error
	// Evidence are the log lines that the reason was found by; for an
	// unclassified failure, the last lines of the logs.
	Evidence []string
}

func (e *LevelError) Error() string {
	text := fmt.Sprintf("%s: %v", &e.Stop, e.Err)
	if len(e.Evidence) > 0 {
		text += " [log: " + strings.Join(e.Evidence, " | ") + "]"
	}
	return text
}

func (e *LevelError) Unwrap() error { return e.Err }
