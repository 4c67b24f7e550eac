// Package report presents the outcomes of runs, as text for people and as JSON for programs: the
// facts, the levels and the checks.
package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/drawing"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// A Result is the outcome of one chain. Programs read its JSON.
type Result struct {
	Facts host.Facts `json:"facts"`
	Depth int        `json:"depth"` // as requested
	// Allocation is the content of the host's subid files.
	Allocation idmap.Delegation `json:"allocation"`
	HostName   string           `json:"host"`
	Levels     []Level          `json:"levels"` // those that started
	Stop       *idmap.Stop      `json:"stop,omitempty"`
	Error      string           `json:"error,omitempty"`
	// Contradiction lists the differences between LXD and the plan in lines. It is empty if they
	// agree.
	Contradiction string          `json:"contradiction,omitempty"`
	Checks        []harness.Check `json:"checks"`
	Seconds       float64         `json:"seconds"` // start of host and levels, without checks
}

// A Level is a level that started, with its uid and gid map in ids of its parent and of the host.
type Level struct {
	Level   int       `json:"level"`
	Name    string    `json:"name"`
	Bundle  string    `json:"bundle"`
	Map     idmap.Map `json:"map"`
	Host    idmap.Map `json:"hostMap"`
	Seconds float64   `json:"seconds"`
}

// Collect verifies a chain and returns its Result. The Result is also valid if there is an error,
// as far as it goes.
func Collect(ctx context.Context, h host.Host, c *harness.Chain) (Result, error) {
	r := Result{
		Facts: h.Facts(), Depth: len(c.Spec.Levels), Allocation: h.Traits().Delegation, HostName: h.Name(),
		Seconds: h.Took().Seconds(), Levels: []Level{}, Checks: []harness.Check{},
	}
	if c.Stop != nil {
		r.Stop, r.Error = &c.Stop.Stop, c.Stop.Error()
	}
	outcome, err := c.Outcome(ctx)
	if err != nil {
		return r, err
	}
	for i, l := range outcome.Levels {
		built := c.Levels[i]
		r.Seconds += built.Took.Seconds()
		r.Levels = append(r.Levels, Level{
			Level: l.Level, Name: built.Name, Bundle: built.Bundle.String(), Map: l.Map, Host: l.Host, Seconds: built.Took.Seconds(),
		})
	}
	if err := harness.Contradiction(c.Plan, outcome); err != nil {
		r.Contradiction = err.Error()
	}
	checks, err := probe.Verify(ctx, c)
	r.Checks = append(r.Checks, checks...)
	return r, err
}

// Bars returns the uids of the levels for a drawing. A level whose maps are not as planned is
// marked as a problem.
func (r Result) Bars() []drawing.Bar {
	wrong := map[int]bool{}
	for _, c := range harness.Failed(r.Checks) {
		if c.Subject == harness.IDMaps {
			wrong[c.Level] = true
		}
	}
	bars := make([]drawing.Bar, len(r.Levels))
	for i, l := range r.Levels {
		bars[i] = drawing.Bar{Name: l.Name, Depth: l.Level, Host: l.Host.UID, Problem: wrong[l.Level]}
	}
	return bars
}

// Title returns the title of the drawing, for readers who see nothing else.
func (r Result) Title() string {
	return fmt.Sprintf("depth %d on %s, LXD %s, kernel %s", r.Depth, r.Allocation, r.Facts.LXD, r.Facts.Kernel)
}

// Failure returns nil if the chain is complete and every check passed. Otherwise it says what is
// wrong.
func (r Result) Failure() error {
	failed := harness.Failed(r.Checks)
	switch {
	case r.Stop != nil:
		return &StopError{*r.Stop, r.Error}
	case r.Contradiction != "":
		return errors.New(r.Contradiction)
	case len(failed) > 0:
		return fmt.Errorf("%d of %d checks failed, first: %s", len(failed), len(r.Checks), failed[0])
	}
	return nil
}

// A StopError reports that the chain is not complete.
type StopError struct {
	idmap.Stop
	text string
}

func (e *StopError) Error() string { return "the chain stopped at " + e.text }

// Seconds returns a duration as text, such as "1.2 s".
func Seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// DaemonSuffix returns a suffix for a level's name: its daemon, or "" if its bundle is the host's.
func DaemonSuffix(b, host *bundle.Bundle) string {
	if b == host {
		return ""
	}
	return ", " + b.Daemon()
}
