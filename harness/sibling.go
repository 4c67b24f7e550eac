package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/image"
	"nestbed/harness/internal/lxdop"
)

// Siblings are the containers of one LXD of a chain: the chain's own level,
// where it has one there, and those that are added beside it, which run no LXD. Whatever is done
// to them is held against the model of them all.
type Siblings struct {
	// Level is how deep they are: those of the host's LXD are at level 1.
	Level int
	// Contradiction is where LXD did something else than planned, nil if nowhere. After it the plan is worth nothing.
	Contradiction error

	chain *Chain
	model *idmap.Family
	up    map[string]*Level // beside the chain, by the names that they were given
	names []string          // of those that were created beside the chain, running or not
	// fingerprint is that of their image in the LXD above, "" before it is there.
	fingerprint string
}

// Siblings gives the containers at a level of the chain, or at the one below its last. Call it before anything is
// done to the LXD above them other than through it.
func (c *Chain) Siblings(level int) (*Siblings, error) {
	if s := c.siblings[level]; s != nil {
		return s, nil
	}
	if level < 1 || level > len(c.Levels)+1 {
		return nil, fmt.Errorf("level %d: wanted a LXD above it that is up, got %d levels that are", level, len(c.Levels))
	}
	own, hostIDs := c.Host.Traits().Map, c.Host.Traits().Map
	if level > 1 {
		own, hostIDs = c.Plan.Levels[level-2].Map, c.Plan.Levels[level-2].Host
	}
	s := &Siblings{Level: level, chain: c, up: map[string]*Level{}}
	s.model = layoutOf(c.Host.Traits()).Family(level, own, hostIDs, c.Spec.daemon(c.Host.Traits(), level-1))
	if level <= len(c.Levels) {
		if stop := s.model.Create(containerName(level), c.Spec.Levels[level-1].Config); stop != nil {
			return nil, fmt.Errorf("level %d is up, but planned is: %s", level, stop)
		}
	}
	if c.siblings == nil {
		c.siblings = map[int]*Siblings{}
	}
	c.siblings[level] = s
	return s, nil
}

// siblingName is the container's name of a sibling.
func siblingName(name string) string { return "beside-" + strings.ToLower(name) }

// Add makes a container beside the chain. Where LXD refuses, the error is a *LevelError.
func (s *Siblings) Add(ctx context.Context, name string, spec LevelSpec) (*Level, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if slices.Contains(s.names, name) {
		return nil, fmt.Errorf("level %d: there is a sibling %s already", s.Level, name)
	}
	planned, stop := idmap.PlannedLevel{}, s.model.Create(name, spec.Config)
	if stop == nil {
		planned, stop = s.model.Start(name)
	}
	l := s.level(siblingName(name))
	return s.take(ctx, name, l, planned, stop,
		operation{idmap.OpImport, func() error { return s.importImage(ctx) }},
		operation{idmap.OpCreate, func() error {
			if err := l.create(ctx, spec, s.fingerprint); err != nil {
				return err
			}
			s.names = append(s.names, name)
			return nil
		}},
		operation{idmap.OpStart, func() error { return l.start(ctx) }},
		operation{idmap.OpReady, func() error { return l.reach(ctx) }},
	)
}

// importImage gives the LXD above the image of the siblings, unless it has it: a small one, as none of them runs a LXD. What
// ids it has does not differ from a level's (bundle.ImageIDs).
func (s *Siblings) importImage(ctx context.Context) error {
	if s.fingerprint != "" {
		return nil
	}
	if err := makeStorage(s.above().LXD(), api.StoragePoolsPost{Name: poolName, Driver: Dir}, profileOf(s.chain.Host.Traits(), s.Level-1)); err != nil {
		return err
	}
	small, err := image.Make(ctx, s.chain.Host.Traits().Bundle, image.Recipe{Packing: image.Plain})
	if err != nil {
		return err
	}
	s.fingerprint, err = s.chain.ImportImage(ctx, s.Level-1, small, false)
	return err
}

// Get gives a sibling that is up.
func (s *Siblings) Get(name string) (*Level, error) {
	l := s.up[name]
	if l == nil {
		return nil, fmt.Errorf("level %d: sibling %s: wanted up, got %q that are", s.Level, name, s.Up())
	}
	return l, nil
}

// Up are the names of the siblings that are up.
func (s *Siblings) Up() []string { return slices.Sorted(maps.Keys(s.up)) }

// ready tells the model what the files of the level above say now, whoever wrote them.
func (s *Siblings) ready() error {
	if s.Contradiction != nil {
		return s.Contradiction
	}
	d, err := readDelegation(s.above().Root())
	s.model.SetFiles(d)
	return err
}

func (s *Siblings) above() daemon {
	if s.Level == 1 {
		return s.chain.Host
	}
	return s.chain.Levels[s.Level-2]
}

// level is a container at their level that is not up yet.
func (s *Siblings) level(name string) *Level {
	return &Level{Index: s.Level, Name: name, above: s.above()}
}

func (s *Siblings) wrap(name, op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("level %d: %s: %s: %w", s.Level, name, op, err)
}

// close lets go of the siblings' descriptors.
func (s *Siblings) close() {
	for _, l := range s.up {
		l.close()
	}
	s.up = map[string]*Level{}
}

// deleteBeside deletes what stands beside level 1; what stands deeper goes with the chain.
func (c *Chain) deleteBeside(ctx context.Context) error {
	s := c.siblings[1]
	if s == nil {
		return nil
	}
	var errs []error
	for _, name := range s.names {
		errs = append(errs, s.wrap(name, "delete", lxdop.Remove(ctx, c.Host.LXD(), siblingName(name))))
	}
	s.names = nil
	return errors.Join(errs...)
}
