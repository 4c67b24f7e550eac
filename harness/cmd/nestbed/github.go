package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"nestbed/harness/environment"
	"nestbed/harness/report"
)

// annotate tells GitHub Actions about a run: an annotation for each failure, and the summary of the
// job. Elsewhere it does nothing.
func annotate(w io.Writer, run report.Run, github environment.GitHub) error {
	if !github.On {
		return nil
	}
	for _, s := range run.Scenarios {
		if s.Status == report.Failed {
			fmt.Fprintf(w, "::error title=%s::%s\n", inProperty(s.Name), inMessage(s.Error))
		}
	}
	if github.Summary == "" {
		return nil
	}
	f, err := os.OpenFile(github.Summary, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("summary for GitHub: %w", err)
	}
	err = run.WriteMarkdown(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// inMessage and inProperty escape text for workflow commands (github.com/actions/toolkit,
// packages/core/src/command.ts).
func inMessage(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func inProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(inMessage(text))
}
