package steps

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressIsPrintedAtIntervalsAndAtEachFailure(t *testing.T) {
	var out strings.Builder
	start := time.Now()
	p := &progress{to: &out, total: 9, printed: start}
	p.one("first", nil, start.Add(time.Second))
	p.one("bad", assert.AnError, start.Add(2*time.Second))
	p.one("soon", nil, start.Add(3*time.Second))
	p.one("later", nil, start.Add(2*time.Second+printEvery))
	assert.Equal(t, "\n2 of 9 scenarios, 1 failed; failed: bad\n\n4 of 9 scenarios, 1 failed; passed: later\n", out.String())
}
