// Package report is what a run has to show: its facts, its levels, what was
// checked, as text for people and as JSON for programs.
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

// Result is one chain as it came out. Programs read its JSON.
type Result struct {
	Facts host.Facts `json:"facts"`
	Depth int        `json:"depth"` // asked for
	// Allocation is what the host's subid files say.
	Allocation idmap.Delegation `json:"allocation"`
	HostName   string           `json:"host"`
	Levels     []Level          `json:"levels"` // that are up
	Stop       *idmap.Stop      `json:"stop,omitempty"`
	Error      string           `json:"error,omitempty"`
	// Contradiction is where LXD and the plan differ, in lines; empty where they agree.
	Contradiction string          `json:"contradiction,omitempty"`
	Checks        []harness.Check `json:"checks"`
	Seconds       float64         `json:"seconds"` // host and levels, without checks
}

// Level is a level that is up, with its uid and gid map in parent ids and in host ids.
type Level struct {
	Level   int       `json:"level"`
	Name    string    `json:"name"`
	Bundle  string    `json:"bundle"`
	Map     idmap.Map `json:"map"`
	Host    idmap.Map `json:"hostMap"`
	Seconds float64   `json:"seconds"`
}

// Collect looks at a chain and verifies it. The Result is of use with an error, too.
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

// Bars are the uids of the levels, to be drawn. Where a level's maps are not the planned ones, its bar is broken.
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

// Title is what the drawing is of, for one that is passed on alone.
func (r Result) Title() string {
	return fmt.Sprintf("depth %d on %s, LXD %s, kernel %s", r.Depth, r.Allocation, r.Facts.LXD, r.Facts.Kernel)
}

// Failure is nil if the chain is whole and every check holds; else it names what is not.
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

// StopError is the failure of a chain that is not whole.
type StopError struct {
	idmap.Stop
	text string
}

func (e *StopError) Error() string { return "the chain stopped at " + e.text }

// Seconds writes a duration as people read it here: "1.2 s".
func Seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// Running tells, behind a level's name, what it runs where that is something else than the host does.
func Running(b, host *bundle.Bundle) string {
	if b == host {
		return ""
	}
	return ", " + b.Daemon()
}
