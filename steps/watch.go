package steps

import (
	"fmt"
	"io"
	"sync"
	"time"

	"nestbed/harness/report"
)

// A Watcher follows a run. Scenarios that this machine cannot run end, as skipped, before Starts
// is called. Scenarios run side by side, but only one method is called at a time.
type Watcher interface {
	// Does is called before work that takes a while, such as making a bundle.
	Does(what string)
	// Starts is called with the number of scenarios that will run.
	Starts(scenarios int)
	// Begins is called when a scenario has got its turn, with the names of its feature and its own.
	Begins(name string)
	// Ends is called with the result of a scenario.
	Ends(result report.Scenario)
}

// watched calls one method at a time. The zero value calls nothing.
type watched struct {
	mu sync.Mutex
	by Watcher
}

func (w *watched) call(tell func(Watcher)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by != nil {
		tell(w.by)
	}
}

// progress prints how many scenarios have run to standard error of a virtual machine, where a run
// takes long. It prints every failure, and otherwise at most one line per printEvery.
type progress struct {
	to                  io.Writer
	total, done, failed int
	printed             time.Time
}

const printEvery = 15 * time.Second

// Does prints nothing, because the run does.
func (p *progress) Does(string) {}

// Starts sets the number of scenarios that the options select; -run may select fewer.
func (p *progress) Starts(scenarios int) { p.total, p.printed = scenarios, time.Now() }

// Begins prints nothing.
func (p *progress) Begins(string) {}

// Ends counts a scenario that ran.
func (p *progress) Ends(result report.Scenario) {
	if result.Status != report.Skipped {
		p.one(result, time.Now())
	}
}

func (p *progress) one(result report.Scenario, now time.Time) {
	p.done++
	failed := result.Status == report.Failed
	if failed {
		p.failed++
	}
	if now.Sub(p.printed) < printEvery && !failed {
		return
	}
	p.printed = now
	fmt.Fprintf(p.to, "\n%d of %d scenarios, %d failed; %s: %s\n", p.done, p.total, p.failed, result.Status, result.Name)
}
