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
// takes long. It prints every failure, and otherwise at most one line per printEvery.
type progress struct {
	to    io.Writer // nil: print nothing
	total int

	mu           sync.Mutex
	done, failed int
	printed      time.Time
}

const printEvery = 15 * time.Second

// newProgress counts the scenarios that the options select; -run may select fewer. Outside a
// virtual machine, where guest is empty, it returns a progress that prints nothing.
func newProgress(guest string, of godog.Options) (*progress, error) {
	p := &progress{printed: time.Now()}
	if guest == "" {
		return p, nil
	}
	p.to = os.Stderr
	pickles, _, err := chosen(of)
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
	if p.to == nil || now.Sub(p.printed) < printEvery && err == nil {
		return
	}
	p.printed = now
	outcome := "passed"
	if err != nil {
		outcome = "failed"
	}
	fmt.Fprintf(p.to, "\n%d of %d scenarios, %d failed; %s: %s\n", p.done, p.total, p.failed, outcome, name)
}
