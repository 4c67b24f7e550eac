// Package probe checks whether the ids, files, processes, capabilities and confinement of levels
// are as planned. Verify runs the checks that every level of a chain must pass.
package probe

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// Subjects returns all subjects, in the order in which Verify checks them.
func Subjects() []harness.Subject {
	return []harness.Subject{harness.IDMaps, harness.Processes, harness.Files, harness.Edges, harness.Sentinels, harness.Daemons, harness.Privilege, harness.Programs}
}

// prober checks one subject of a level against the plan.
type prober func(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error)

var probers = map[harness.Subject]prober{
	harness.IDMaps: probeIDMaps, harness.Processes: probeProcesses, harness.Files: probeFiles, harness.Edges: probeEdges,
	harness.Sentinels: probeSentinel, harness.Daemons: probeDaemon, harness.Privilege: probePrivilege,
	harness.Programs: probePrograms,
}

// Verify checks the given subjects, or all of them, in every level that is up. An error means that
// something could not be read; the checks until then are returned as well.
func Verify(ctx context.Context, c *harness.Chain, subjects ...harness.Subject) ([]harness.Check, error) {
	if len(subjects) == 0 {
		subjects = Subjects()
	}
	// All levels at once, because most of the time is spent waiting for programs to start inside.
	seen := make([][]harness.Check, len(c.Levels))
	var g errgroup.Group
	for i, l := range c.Levels {
		if l.Index > len(c.Plan.Levels) {
			return nil, fmt.Errorf("level %d is up, but the plan stops at %s", l.Index, c.Plan.Stop)
		}
		g.Go(func() (err error) {
			seen[i], err = verifyLevel(ctx, l, c.Plan.Levels[l.Index-1], subjects)
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(seen...), err
}

func verifyLevel(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel, subjects []harness.Subject) ([]harness.Check, error) {
	var checks []harness.Check
	for _, s := range subjects {
		seen, err := probers[s](ctx, l, planned)
		for i := range seen {
			seen[i].Subject, seen[i].Level = s, l.Index
		}
		checks = append(checks, seen...)
		if err != nil {
			return checks, fmt.Errorf("level %d: look at %s: %w", l.Index, s, err)
		}
	}
	return checks, nil
}
