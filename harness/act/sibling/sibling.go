// Package sibling makes containers beside the levels of a chain and compares LXD's behavior with
// the model.
package sibling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/bundle/imagefile"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Siblings are the containers of one LXD of a chain: the chain's own level, if there is one, and
// containers that are added beside it, which run no LXD. The result of every operation is compared
// with a model of all of them.
type Siblings struct {
	// Level is the level of the siblings; those of the host's LXD are at level 1.
	Level int
	// Contradiction is the first difference between LXD and the plan, or nil. The plan is not
	// valid after it.
	Contradiction error

	chain *harness.Chain
	model *idmap.Family
	up    map[string]*harness.Level // running containers beside the chain, by name
	names []string                  // of all containers that were created beside the chain
	// fingerprint is the fingerprint of the siblings' image in the LXD above; "" if it is not
	// imported yet.
	fingerprint string
}

// Of returns the siblings at a level of the chain, or at the level below its last one. Call it
// before anything else changes the LXD above them.
func Of(c *harness.Chain, level int) (*Siblings, error) {
	for _, companion := range c.Companions() {
		if s, ok := companion.(*Siblings); ok && s.Level == level {
			return s, nil
		}
	}
	if level < 1 || level > len(c.Levels)+1 {
		return nil, fmt.Errorf("level %d: no LXD above it: %d levels are up", level, len(c.Levels))
	}
	own, hostIDs := c.Host.Traits().Map, c.Host.Traits().Map
	if level > 1 {
		own, hostIDs = c.Plan.Levels[level-2].Map, c.Plan.Levels[level-2].Host
	}
	s := &Siblings{Level: level, chain: c, up: map[string]*harness.Level{}}
	s.model = harness.LayoutOf(c.Host.Traits()).Family(level, own, hostIDs, c.Spec.PlanDaemon(c.Host.Traits(), level-1))
	if level <= len(c.Levels) {
		if stop := s.model.Create(harness.ContainerName(level), c.Spec.Levels[level-1].Config); stop != nil {
			return nil, fmt.Errorf("level %d is up, but the plan says: %s", level, stop)
		}
	}
	c.AddCompanion(s)
	return s, nil
}

// siblingName returns the name of a sibling's container.
func siblingName(name string) string { return "beside-" + strings.ToLower(name) }

// Add creates and starts a container beside the chain. The error is a *harness.LevelError if LXD
// refuses.
func (s *Siblings) Add(ctx context.Context, name string, spec harness.LevelSpec) (*harness.Level, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if slices.Contains(s.names, name) {
		return nil, fmt.Errorf("level %d: sibling %s already exists", s.Level, name)
	}
	planned, stop := idmap.PlannedLevel{}, s.model.Create(name, spec.Config)
	if stop == nil {
		planned, stop = s.model.Start(name)
	}
	l := s.level(siblingName(name))
	return s.take(ctx, name, l, planned, stop,
		operation{idmap.OpImport, func() error { return s.importImage(ctx) }},
		operation{idmap.OpCreate, func() error {
			if err := l.Create(ctx, spec, s.fingerprint); err != nil {
				return err
			}
			s.names = append(s.names, name)
			return nil
		}},
		operation{idmap.OpStart, func() error { return l.Start(ctx) }},
		operation{idmap.OpReady, func() error {
			if err := l.Reach(ctx); err != nil {
				return err
			}
			return l.Join(ctx, spec)
		}},
	)
}

// importImage imports the image of the siblings into the LXD above, unless it is there. The image
// is small because siblings run no LXD; its ids are those of a level's image (bundle.ImageIDs).
func (s *Siblings) importImage(ctx context.Context) error {
	if s.fingerprint != "" {
		return nil
	}
	if err := harness.MakeStorage(ctx, s.above().LXD(), api.StoragePoolsPost{Name: harness.PoolName, Driver: harness.Dir}, harness.ProfileOf(s.chain.Host.Traits(), s.Level-1)); err != nil {
		return err
	}
	small, err := imagefile.Make(ctx, s.chain.Host.Traits().Bundle, imagefile.Recipe{Packing: imagefile.Plain})
	if err != nil {
		return err
	}
	s.fingerprint, err = harness.ImportImage(ctx, s.above(), small, false)
	return err
}

// Get returns a sibling that is up.
func (s *Siblings) Get(name string) (*harness.Level, error) {
	l := s.up[name]
	if l == nil {
		return nil, fmt.Errorf("level %d: sibling %s: not up; up are %q", s.Level, name, s.Up())
	}
	return l, nil
}

// Up returns the sorted names of the siblings that are up.
func (s *Siblings) Up() []string { return slices.Sorted(maps.Keys(s.up)) }

// ready updates the model with the current subid files of the level above. It fails after a
// contradiction.
func (s *Siblings) ready(ctx context.Context) error {
	if s.Contradiction != nil {
		return s.Contradiction
	}
	d, err := harness.ReadDelegation(ctx, s.above().Root())
	s.model.SetFiles(d)
	return err
}

func (s *Siblings) above() harness.Daemon {
	if s.Level == 1 {
		return s.chain.Host
	}
	return s.chain.Levels[s.Level-2]
}

// level returns a container at the siblings' level that is not up yet.
func (s *Siblings) level(name string) *harness.Level {
	return harness.NewLevel(s.above(), s.Level, name)
}

func (s *Siblings) wrap(name, op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("level %d: %s: %s: %w", s.Level, name, op, err)
}

// Release closes the siblings' descriptors.
func (s *Siblings) Release() {
	for _, l := range s.up {
		l.Release()
	}
	s.up = map[string]*harness.Level{}
}

// Delete deletes the siblings of level 1; those of deeper levels go with the chain.
func (s *Siblings) Delete(ctx context.Context) error {
	if s.Level > 1 {
		return nil
	}
	var errs []error
	for _, name := range s.names {
		errs = append(errs, s.wrap(name, "delete", lxdop.Remove(ctx, s.above().LXD(), siblingName(name))))
	}
	s.names = nil
	return errors.Join(errs...)
}
