package steps

import (
	"strings"
	"time"

	"github.com/cucumber/godog"

	"nestbed/harness/report"
)

// recorded is what a scenario came to, for a comparison with other runs.
func (s *scenario) recorded(sc *godog.Scenario, failure error) report.Scenario {
	r := report.Scenario{
		Name: ScenarioName(sc), Status: report.Passed, Seconds: []float64{time.Since(s.began).Seconds()},
		Levels: s.came.Levels, Stop: s.came.Stop,
	}
	if failure != nil {
		r.Status, r.Error, r.Diagnosis = report.Failed, firstLine(failure.Error()), s.told
	}
	return r
}

// ScenarioName names a scenario by its feature and its own name, the same in every run.
func ScenarioName(sc *godog.Scenario) string {
	return strings.TrimSuffix(sc.Uri, ".feature") + ": " + sc.Name
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
