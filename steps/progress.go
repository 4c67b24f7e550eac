package steps

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cucumber/godog"
)

// progress prints how many scenarios have run to standard error of a virtual machine, where a run
// takes long. It prints every failure, and otherwise at most one line per tellEvery.
type progress struct {
	to    io.Writer // nil: print nothing
	total int

	mu           sync.Mutex
	done, failed int
	told         time.Time
}

const tellEvery = 15 * time.Second

// newProgress counts the scenarios that the options select; -run may select fewer. Outside a
// virtual machine, where guest is empty, it returns a progress that prints nothing.
func newProgress(guest string, of godog.Options) (*progress, error) {
	p := &progress{told: time.Now()}
	if guest == "" {
		return p, nil
	}
	p.to = os.Stderr
	pickles, err := chosen(of)
	p.total = len(pickles)
	return p, err
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
