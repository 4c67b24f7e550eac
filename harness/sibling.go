package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// Siblings are the containers of one LXD of a chain: the chain's own level,
// where it has one there, and those that are added beside it. Whatever is done
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
	own, hostIDs := c.Host.Map, c.Host.Map
	if level > 1 {
		own, hostIDs = c.Plan.Levels[level-2].Map, c.Plan.Levels[level-2].Host
	}
	s := &Siblings{Level: level, chain: c, up: map[string]*Level{}}
	s.model = layoutOf(c.Host).Family(level, own, hostIDs, c.Spec.daemon(c.Host, level-1))
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
	var fingerprint string
	return s.take(ctx, name, l, planned, stop,
		operation{idmap.OpImport, func() (err error) {
			fingerprint, err = Prepare(ctx, l.above.LXD(), l.Bundle)
			return err
		}},
		operation{idmap.OpCreate, func() error {
			if err := l.create(ctx, spec, fingerprint); err != nil {
				return err
			}
			s.names = append(s.names, name)
			return nil
		}},
		operation{idmap.OpStart, func() error { return l.start(ctx) }},
		operation{idmap.OpReady, func() error { return l.connect(ctx) }},
	)
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

// Stop ends a sibling without asking it.
func (s *Siblings) Stop(ctx context.Context, name string) error {
	l, err := s.Get(name)
	if err != nil {
		return err
	}
	delete(s.up, name)
	return s.halt(ctx, l)
}

func (s *Siblings) halt(ctx context.Context, l *Level) error {
	above, name := s.above(), l.Name
	l.close()
	op, err := above.LXD().UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true}, "")
	if err == nil {
		err = op.WaitContext(ctx)
	}
	return s.wrap(name, "stop", err)
}

// Start starts a sibling that was stopped. Where LXD refuses, the error is a *LevelError.
func (s *Siblings) Start(ctx context.Context, name string) (*Level, error) {
	if err := s.known(name); err != nil {
		return nil, err
	}
	l := s.level(siblingName(name))
	planned, stop := s.model.Start(name)
	return s.take(ctx, name, l, planned, stop,
		operation{idmap.OpStart, func() error { return l.start(ctx) }},
		operation{idmap.OpReady, func() error { return l.connect(ctx) }},
	)
}

// RestartChain stops and starts the chain's own level among them, and waits until the levels inside run
// again. Where LXD refuses, the error is a *LevelError, and the chain ends above.
func (s *Siblings) RestartChain(ctx context.Context) error {
	depth := len(s.chain.Levels)
	l, err := s.chain.Level(s.Level)
	if err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		return err
	}
	planned, stop := s.model.Start(l.Name)
	if err := s.halt(ctx, l); err != nil {
		return err
	}
	l = s.level(l.Name)
	_, err = s.take(ctx, l.Name, l, planned, stop,
		operation{idmap.OpStart, func() error { return l.start(ctx) }},
		operation{idmap.OpReady, func() error { return l.connect(ctx) }},
	)
	delete(s.up, l.Name) // the chain has it
	l.close()
	if err != nil {
		return errors.Join(err, s.chain.Reattach(ctx, s.Level-1))
	}
	return s.chain.Reattach(ctx, depth)
}

// Configure changes keys of a sibling's configuration. Where LXD refuses, the error is a *LevelError.
func (s *Siblings) Configure(ctx context.Context, name string, change map[string]string) error {
	if err := s.known(name); err != nil {
		return err
	}
	l := s.level(siblingName(name))
	stop := s.model.Configure(name, change)
	_, err := s.take(ctx, name, l, idmap.PlannedLevel{}, stop, operation{idmap.OpConfigure, func() error {
		instance, etag, err := l.above.LXD().GetInstance(l.Name)
		if err != nil {
			return err
		}
		put := instance.Writable()
		maps.Copy(put.Config, change)
		op, err := l.above.LXD().UpdateInstance(l.Name, put, etag)
		if err != nil {
			return err
		}
		return op.WaitContext(ctx)
	}})
	return err
}

// Delete stops and deletes a sibling.
func (s *Siblings) Delete(ctx context.Context, name string) error {
	if l := s.up[name]; l != nil {
		delete(s.up, name)
		l.close()
	}
	s.model.Delete(name)
	s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
	return s.wrap(name, "delete", remove(ctx, s.above().LXD(), siblingName(name)))
}

// RestartLXD restarts the LXD that made them, which then reads its files anew.
func (s *Siblings) RestartLXD(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.chain.RestartLXD(ctx, s.Level-1); err != nil {
		return err
	}
	s.model.RestartDaemon()
	return nil
}

// known is ready, for what is done to a sibling that was created.
func (s *Siblings) known(name string) error {
	if !slices.Contains(s.names, name) {
		return fmt.Errorf("level %d: sibling %s: wanted created, got %q that are", s.Level, name, s.names)
	}
	return s.ready()
}

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

// level is a sibling that is not up yet. It runs what the chain's level beside it does, or the last one above it.
func (s *Siblings) level(name string) *Level {
	b := s.chain.Spec.bundleOf(s.chain.Host, min(s.Level, len(s.chain.Spec.Levels)))
	return &Level{Index: s.Level, Name: name, Bundle: b, above: s.above()}
}

type operation struct {
	op idmap.Op
	do func() error
}

// take takes a sibling through operations, and holds what comes of it against the plan.
func (s *Siblings) take(ctx context.Context, name string, l *Level, planned idmap.PlannedLevel, stop *idmap.Stop, operations ...operation) (*Level, error) {
	want, got := idmap.Plan{Stop: stop}, idmap.Plan{}
	if stop == nil && len(planned.Map.UID) > 0 {
		want.Levels = []idmap.PlannedLevel{planned}
	}
	var refused *LevelError
	for _, o := range operations {
		if err := o.do(); err != nil {
			l.close()
			reason, lines := classify(err, gather(l.above, l.Name))
			refused = &LevelError{Stop: idmap.Stop{Level: s.Level, Op: o.op, Reason: reason}, Err: err, Evidence: lines}
			got.Stop = &refused.Stop
			break
		}
	}
	if refused == nil && l.root != nil {
		s.up[name] = l
		m, err := l.Map(ctx)
		if err != nil {
			return nil, err
		}
		hostMap, err := l.HostMap()
		if err != nil {
			return nil, err
		}
		got.Levels = []idmap.PlannedLevel{{Level: s.Level, Map: m, Host: hostMap}}
	}
	if err := Contradiction(want, got); err != nil {
		s.Contradiction = s.wrap(name, "plan", err)
		if refused != nil {
			s.Contradiction = fmt.Errorf("%w\n%w", s.Contradiction, refused)
		}
	}
	if refused != nil {
		return nil, refused
	}
	return l, nil
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
		errs = append(errs, s.wrap(name, "delete", remove(ctx, c.Host.LXD(), siblingName(name))))
	}
	s.names = nil
	return errors.Join(errs...)
}

// SharedIDs is how many host ids two levels both have: uids and gids.
func SharedIDs(a, b *Level) (uids, gids uint64, err error) {
	x, err := a.HostMap()
	if err != nil {
		return 0, 0, err
	}
	y, err := b.HostMap()
	if err != nil {
		return 0, 0, err
	}
	return idmap.Common(x.UID, y.UID), idmap.Common(x.GID, y.GID), nil
}

// readDelegation reads the subid files below a root.
func readDelegation(root *host.Root) (d idmap.Delegation, err error) {
	for path, into := range map[string]*idmap.File{"/etc/subuid": &d.UID, "/etc/subgid": &d.GID} {
		if *into, err = readSubID(root, path); err != nil {
			return d, err
		}
	}
	return d, nil
}
