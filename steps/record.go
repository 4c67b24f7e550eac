package steps

import (
	"strings"
	"time"

	"github.com/cucumber/godog"

	"nestbed/harness/host"
	"nestbed/harness/report"
)

// recorded returns the result of the scenario for comparisons with other runs.
func (s *scenario) recorded(sc *godog.Scenario, failure error) report.Scenario {
	r := report.Scenario{
		Name: scenarioName(sc), Status: report.Passed, Seconds: []float64{time.Since(s.began).Seconds()},
		Levels: s.outcome.Levels, Stop: s.outcome.Stop,
	}
	if s.host != nil {
		r.Member = host.Member(s.host)
	}
	if failure != nil {
		r.Status, r.Error, r.Diagnosis = report.Failed, inALine(failure.Error()), s.summary
	}
	return r
}

// scenarioName returns "feature: scenario", which is the same in every run.
func scenarioName(sc *godog.Scenario) string {
	feature, _, _ := strings.Cut(sc.Uri, ".feature") // a line number follows if the scenario was selected by line
	return feature + ": " + sc.Name
}

// inALine shortens a failure to one line: its first line and, if that ends with a colon, the lines
// up to the first "got".
func inALine(text string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if !strings.HasSuffix(line, ":") {
		return line
	}
	for next := range strings.Lines(rest) {
		line += " " + strings.TrimSpace(next)
		if strings.HasPrefix(strings.TrimSpace(next), "got ") {
			break
		}
	}
	return line
}
