package harness

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
)

// Outcome returns what did happen, in the form of a plan: the maps of the levels that are up, and
// the stop. It leaves out file capabilities; probe.Verify checks those.
func (c *Chain) Outcome(ctx context.Context) (idmap.Plan, error) {
	o := idmap.Plan{Levels: make([]idmap.PlannedLevel, len(c.Levels))}
	var g errgroup.Group
	for i, l := range c.Levels {
		g.Go(func() (err error) {
			seen := idmap.PlannedLevel{Level: l.Index}
			if seen.Map, err = l.Map(ctx); err == nil {
				seen.Host, err = l.HostMap(ctx)
			}
			o.Levels[i] = seen
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return idmap.Plan{}, err
	}
	if c.Stop != nil {
		o.Stop = &c.Stop.Stop
	}
	return o, nil
}

// Contradiction returns an error that lists the lines in which plan and outcome differ, or nil.
func Contradiction(plan, outcome idmap.Plan) error {
	wanted, got := describe(plan), describe(outcome)
	var diff []string
	for i := range max(len(wanted), len(got)) {
		w, g := excerpt.At(wanted, i), excerpt.At(got, i)
		if w != g {
			diff = append(diff, fmt.Sprintf("  planned: %s\n  found:   %s", w, g))
		}
	}
	if diff == nil {
		return nil
	}
	return fmt.Errorf("LXD contradicts the plan:\n%s", strings.Join(diff, "\n"))
}

// describe returns a plan as lines: the maps of each level, then the stop.
func describe(p idmap.Plan) []string {
	var lines []string
	for _, l := range p.Levels {
		for _, m := range []struct {
			name         string
			parent, host []idmap.Mapping
		}{{"uid", l.Map.UID, l.Host.UID}, {"gid", l.Map.GID, l.Host.GID}} {
			lines = append(lines, fmt.Sprintf("level %d, %s map (inside parent count) %s, on the host %s",
				l.Level, m.name, Lines(m.parent), Lines(m.host)))
		}
	}
	return append(lines, "stop: "+p.Stop.String())
}

// Lines returns mappings in one line, such as "0 65536 131072".
func Lines(mappings []idmap.Mapping) string {
	var lines []string
	for _, m := range mappings {
		lines = append(lines, fmt.Sprint(m.Inside, " ", m.Parent, " ", m.Count))
	}
	return strings.Join(lines, ", ")
}

// A LevelError says why a chain stopped: Level could not be made because Op failed, for Reason.
type LevelError struct {
	idmap.Stop
	// Err is the error of the API or of the wait.
	Err error
	// Evidence has what the kernel shows about the failure, then the log lines by which the reason
	// was found. For an unclassified failure those are the last lines of the logs.
	Evidence []string
}

func (e *LevelError) Error() string {
	text := fmt.Sprintf("%s: %v", &e.Stop, e.Err)
	if len(e.Evidence) > 0 {
		text += " [log: " + strings.Join(e.Evidence, " | ") + "]"
	}
	return text
}

func (e *LevelError) Unwrap() error { return e.Err }
