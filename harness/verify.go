package harness

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"nestbed/harness/idmap"
)

// Subject is something that Verify looks at in each level.
type Subject string

// The subjects.
const (
	IDMaps    Subject = "idmaps"       // uid and gid maps, inside and on the host, are the planned ones
	Processes Subject = "processes"    // init and a new process run under the planned host ids
	Files     Subject = "files"        // files made inside belong to the planned host ids
	Edges     Subject = "edges"        // the last id of the map can own a file, the next one cannot
	Sentinels Subject = "sentinel"     // the image's file arrived with owner, ACL and capability
	Daemons   Subject = "LXD"          // the LXD inside answers, in the version of the bundle
	Privilege Subject = "unprivileged" // nothing is privileged
)

// Subjects lists them all, in the order in which Verify takes them.
func Subjects() []Subject {
	return []Subject{IDMaps, Processes, Files, Edges, Sentinels, Daemons, Privilege}
}

// Check is one thing looked at: it holds if Got is Wanted.
type Check struct {
	Subject Subject `json:"subject"`
	Level   int     `json:"level"`
	What    string  `json:"what"`
	Wanted  string  `json:"wanted"`
	Got     string  `json:"got"`
}

// OK tells whether the check holds.
func (c Check) OK() bool { return c.Wanted == c.Got }

func (c Check) String() string {
	return fmt.Sprintf("level %d: %s: wanted %s, got %s", c.Level, c.What, c.Wanted, c.Got)
}

// Failed are the checks that do not hold.
func Failed(checks []Check) []Check {
	return slices.DeleteFunc(slices.Clone(checks), Check.OK)
}

// prober looks at one subject of a level that must be as planned.
type prober func(ctx context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error)

var probers = map[Subject]prober{
	IDMaps: probeIDMaps, Processes: probeProcesses, Files: probeFiles, Edges: probeEdges,
	Sentinels: probeSentinel, Daemons: probeDaemon, Privilege: probePrivilege,
}

// Verify looks at the given subjects, or at all, in every level that is up. An
// error means that it could not look; what it saw is in the checks.
func Verify(ctx context.Context, c *Chain, subjects ...Subject) ([]Check, error) {
	if len(subjects) == 0 {
		subjects = Subjects()
	}
	// The levels do not get in each other's way, and most of the time is spent waiting for programs to start inside.
	seen := make([][]Check, len(c.Levels))
	var g errgroup.Group
	for i, l := range c.Levels {
		if l.Index > len(c.Plan.Levels) {
			return nil, fmt.Errorf("level %d is up, but the plan is: %s", l.Index, c.Plan.Stop)
		}
		g.Go(func() (err error) {
			seen[i], err = l.verify(ctx, c.Plan.Levels[l.Index-1], subjects)
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(seen...), err
}

func (l *Level) verify(ctx context.Context, planned idmap.PlannedLevel, subjects []Subject) ([]Check, error) {
	var checks []Check
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
