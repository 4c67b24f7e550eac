package steps

import (
	"strings"
	"time"

	"github.com/cucumber/godog"

	"nestbed/harness/host"
	"nestbed/harness/report"
)

// recorded returns the result of the scenario, for a comparison with other runs.
func (s *scenario) recorded(sc *godog.Scenario, failure error) report.Scenario {
	r := report.Scenario{
		Name: scenarioName(sc), Status: report.Passed, Seconds: []float64{time.Since(s.began).Seconds()},
		Levels: s.came.Levels, Stop: s.came.Stop,
	}
	if s.host != nil {
		r.Member = host.Member(s.host)
	}
	if failure != nil {
		r.Status, r.Error, r.Diagnosis = report.Failed, inALine(failure.Error()), s.told
	}
	return r
}

// scenarioName names a scenario by its feature and its own name, the same in every run.
func scenarioName(sc *godog.Scenario) string {
	feature, _, _ := strings.Cut(sc.Uri, ".feature") // behind which is the line, where a scenario was chosen by that
	return feature + ": " + sc.Name
}

// inALine is the first line of a failure, and what comes right behind it where that only announces something: of maps
// that differ, the first that does.
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
