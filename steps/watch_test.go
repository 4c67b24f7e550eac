package steps

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/report"
)

func TestProgressIsPrintedAtIntervalsAndAtEachFailure(t *testing.T) {
	var out strings.Builder
	start := time.Now()
	p := &progress{to: &out, total: 9, printed: start}
	one := func(name string, status report.Status, after time.Duration) {
		p.one(report.Scenario{Name: name, Status: status}, start.Add(after))
	}
	one("first", report.Passed, time.Second)
	one("bad", report.Failed, 2*time.Second)
	one("soon", report.Passed, 3*time.Second)
	one("later", report.Passed, 2*time.Second+printEvery)
	p.Ends(report.Scenario{Name: "skipped", Status: report.Skipped})
	assert.Equal(t, "\n2 of 9 scenarios, 1 failed; failed: bad\n\n4 of 9 scenarios, 1 failed; passed: later\n", out.String())
}
