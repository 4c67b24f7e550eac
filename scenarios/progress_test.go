package scenarios_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/vm"
)

// progress tells how far a run has come, in a virtual machine, where it takes long: on its standard error, at most every tellEvery.
type progress struct {
	to    io.Writer // nil: to nobody
	total int

	mu           sync.Mutex
	done, failed int
	told         time.Time
}

const tellEvery = 15 * time.Second

// newProgress counts the scenarios that the options choose; -run may choose fewer.
func newProgress(t *testing.T, of godog.Options) *progress {
	t.Helper()
	p := &progress{told: time.Now()}
	if os.Getenv(vm.GuestEnv) == "" {
		return p
	}
	p.to = os.Stderr
	read, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	require.NoError(t, err)
	for _, f := range read {
		p.total += len(f.Pickles)
	}
	return p
}

func (p *progress) watch(sc *godog.ScenarioContext) {
	sc.After(func(ctx context.Context, s *godog.Scenario, err error) (context.Context, error) {
		p.one(s.Name, err, time.Now())
		return ctx, nil
	})
}

func (p *progress) one(name string, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed++
	}
	if p.to == nil || now.Sub(p.told) < tellEvery && err == nil {
		return
	}
	p.told = now
	outcome := "passed"
	if err != nil {
		outcome = "failed"
	}
	fmt.Fprintf(p.to, "\n%d of %d scenarios, %d failed; %s: %s\n", p.done, p.total, p.failed, outcome, name)
}

func TestProgressIsToldNowAndThenAndAtEachFailure(t *testing.T) {
	var out strings.Builder
	start := time.Now()
	p := &progress{to: &out, total: 9, told: start}
	p.one("first", nil, start.Add(time.Second))
	p.one("bad", assert.AnError, start.Add(2*time.Second))
	p.one("soon", nil, start.Add(3*time.Second))
	p.one("later", nil, start.Add(2*time.Second+tellEvery))
	assert.Equal(t, "\n2 of 9 scenarios, 1 failed; failed: bad\n\n4 of 9 scenarios, 1 failed; passed: later\n", out.String())
}
