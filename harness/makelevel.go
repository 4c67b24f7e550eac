package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"golang.org/x/sync/errgroup"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
)

// ContainerName returns the name of the container of a level: c1, c2, ...
func ContainerName(level int) string { return fmt.Sprintf("c%d", level) }

// makeLevel runs the operations that make one level, in the order of idmap.Op.
func (c *Chain) makeLevel(ctx context.Context, above Daemon, index int) (*Level, error) {
	l := c.newLevel(above, index)
	image := func() *Importing {
		if c.nextImport == nil {
			c.nextImport = beginTaggedImport(ctx, above.LXD(), l.image(), c.imageTag(index))
		}
		return c.nextImport
	}
	steps := []struct {
		op idmap.Op
		do func() error
	}{
		{idmap.OpStorage, func() error {
			if !c.Spec.hooked(index, idmap.OpImport) {
				image() // runs while LXD makes the storage
			}
			return errors.Join(MakeStorage(ctx, above.LXD(), c.pool(index), ProfileOf(c.Host.Traits(), index-1)), configureProject(ctx, above.LXD(), c.Spec.Levels[index-1].Project))
		}},
		{idmap.OpNetwork, func() error { return makeBridge(ctx, above.LXD(), c.Spec.Levels[index-1].Network) }},
		{idmap.OpImport, func() error {
			err := image().Wait()
			l.worked = image().worked
			return err
		}},
		{idmap.OpCreate, func() error { return c.create(ctx, l, image().fingerprint) }},
		{idmap.OpStart, func() error {
			var beside errgroup.Group
			// A thin image may stay, because it is small. The image must stay if the level is a
			// snapshot of it, as with all drivers but dir, or if a hook at the start needs a known
			// state. A cluster deletes no image while a member is down; there the image is deleted
			// with the project.
			if !l.Thin && (index > 1 || host.Member(c.Host) == "") && c.Spec.storageOf(index) == Dir && !c.Spec.hooked(index, idmap.OpStart) {
				beside.Go(func() error { return image().deleteImage(ctx) })
			}
			return errors.Join(l.Start(ctx), beside.Wait())
		}},
		{idmap.OpReady, func() error {
			if err := l.Reach(ctx); err != nil {
				return err
			}
			var err error
			died := l.root.WatchRestarts(ctx)
			if l.server, err = l.root.Reach(ctx, died); err != nil {
				return err
			}
			if c.nextImport = nil; index < len(c.Spec.Levels) && c.Spec.Levels[index-1].Live.empty() &&
				!c.Spec.hooked(index+1, idmap.OpStorage, idmap.OpImport) {
				c.nextImport = BeginImport(ctx, l.server, c.newLevel(l, index+1).image())
			}
			if err := errors.Join(l.ready(ctx, died), l.Join(ctx, c.Spec.Levels[index-1])); err != nil || index > 1 || !host.Elsewhere(c.Host) {
				return err
			}
			return host.Learn(ctx, c.Host, l.root)
		}},
	}
	for _, s := range steps {
		if s.op == idmap.OpNetwork && c.Spec.Levels[index-1].Network == nil {
			continue
		}
		if cause := context.Cause(ctx); cause != nil {
			if _, down := errors.AsType[*host.MemberDownError](cause); down {
				return nil, &opError{s.op, cause}
			}
			return nil, fmt.Errorf("%s: %w", s.op, cause)
		}
		if err := c.timed(ctx, l, s.op, s.do); err != nil {
			l.Release()
			return nil, &opError{s.op, err}
		}
	}
	return l, nil
}

// timed runs one operation of making a level, with its hooks, and records how long it took.
func (c *Chain) timed(ctx context.Context, l *Level, op idmap.Op, do func() error) error {
	during, end := context.WithCancel(ctx)
	defer end()
	settled, err := c.runHooks(during, l, op)
	if err != nil {
		return err
	}
	err = l.timed(op, do)
	end()
	if broken := settled(); broken != nil {
		return errors.Join(err, broken)
	}
	return err
}

// Prepare gives an LXD everything that a level is made from, unless it has it: the storage pool
// "default" on a directory, a default profile that uses it, and the bundle's whole image, whose
// fingerprint it returns. It is for tests that drive LXD themselves.
func Prepare(ctx context.Context, server lxd.InstanceServer, b *bundle.Bundle) (fingerprint string, err error) {
	if err := MakeStorage(ctx, server, api.StoragePoolsPost{Name: PoolName, Driver: Dir}, nil); err != nil {
		return "", err
	}
	return b.Whole.Fingerprint, BeginImport(ctx, server, b.Whole).Wait()
}

// configOf returns the configuration with which a level's container is created: that of the Spec,
// and what the harness sets.
func (c *Chain) configOf(level int) map[string]string {
	spec := c.Spec.Levels[level-1]
	config := map[string]string{}
	// A last level with security.nesting may get levels of its own later.
	if level < len(c.Spec.Levels) || spec.Config[idmap.KeyNesting] == "true" {
		config[idmap.KeyNesting] = "true"
		if deniesUserNS(c.Spec.DaemonBundle(c.Host.Traits(), level-1)) {
			config[idmap.KeyRawAppArmor] = idmap.UserNSRule
		}
		if noProfiles(c.Host.Traits(), level) {
			for _, f := range []idmap.Flavor{idmap.LXD, idmap.Incus} { // an upgrade may replace LXD with Incus
				config[f.KeyAppArmor()] = "false"
			}
		}
	}
	if level == 1 && host.Member(c.Host) != "" {
		// By default an evacuation moves the container to another member. That fails, because the
		// ids of the chain are not there.
		config["cluster.evacuate"] = "stop"
	}
	above := c.Spec.DaemonBundle(c.Host.Traits(), level-1).Flavor
	for key, value := range spec.Config {
		config[above.Key(key)] = value
	}
	return config
}

// Daemons returns the LXD of the host and of each level above the last, as the model sees them,
// with the whole configuration of the container that it creates.
func (c *Chain) Daemons() []idmap.Daemon {
	h := c.Host.Traits()
	var all []idmap.Daemon
	for above := range c.Spec.Levels {
		d := c.Spec.PlanDaemon(h, above)
		d.Config = merged(ProfileOf(h, above), c.configOf(above+1))
		d.Network, d.Interface = c.Spec.Levels[above].Network, c.Spec.Levels[above].Interface
		maps.DeleteFunc(d.Config, func(_, value string) bool { return value == "" })
		all = append(all, d)
	}
	return all
}

func (c *Chain) create(ctx context.Context, l *Level, fingerprint string) error {
	spec := c.Spec.Levels[l.Index-1]
	spec.Config = c.configOf(l.Index)
	if project, is := c.Host.(host.Project); is && l.Index == 1 {
		return c.createSupplied(ctx, project, l, spec, fingerprint)
	}
	return l.Create(ctx, spec, fingerprint)
}

// Create creates the container from the image through the LXD above.
func (l *Level) Create(ctx context.Context, spec LevelSpec, fingerprint string) error {
	config := map[string]string{}
	if spec.Delegation != nil {
		// LXD writes the files from the image's templates before the first start, so the LXD
		// inside finds them.
		maps.Copy(config, bundle.Configuration(*spec.Delegation))
	}
	maps.Copy(config, spec.Config)
	maps.DeleteFunc(config, func(_, value string) bool { return value == "" })
	above := l.above.LXD()
	if h, first := l.above.(host.Host); first {
		above = host.PlacementClient(h)
	}
	op, err := above.CreateInstance(api.InstancesPost{
		Name: l.Name, Type: api.InstanceTypeContainer,
		Source:      api.InstanceSource{Type: "image", Fingerprint: fingerprint},
		InstancePut: api.InstancePut{Config: config, Devices: l.devices(spec)},
	})
	_, l.worked, err = await(ctx, above, op, err)
	return err
}

// Start starts the container. Call Reach or Connect to reach into the level.
func (l *Level) Start(ctx context.Context) error {
	op, err := l.above.LXD().UpdateInstanceState(l.Name, api.InstanceStatePut{Action: "start", Timeout: -1}, "")
	_, l.worked, err = await(ctx, l.above.LXD(), op, err)
	return err
}

// Reach opens the level's root by the pid that the LXD above has for its init.
func (l *Level) Reach(ctx context.Context) error {
	state, _, err := lxdop.With(ctx, l.above.LXD()).GetInstanceState(l.Name)
	if err != nil {
		return err
	}
	if state.Pid <= 0 {
		return fmt.Errorf("its init is gone, its state is %s", state.Status)
	}
	l.root, err = l.above.Root().Child(ctx, l.Name, int(state.Pid))
	return err
}

// Connect reaches into the level and waits until the LXD inside is ready.
func (l *Level) Connect(ctx context.Context) (err error) {
	if err := l.Reach(ctx); err != nil {
		return err
	}
	l.server, err = l.root.Connect(ctx, l.root.WatchRestarts(ctx))
	return err
}

// ready waits until the LXD inside, which answers already, is ready. It fails early if died does.
func (l *Level) ready(ctx context.Context, died func() error) (err error) {
	if err := reach.Ready(ctx, l.server, died); err != nil {
		return err
	}
	l.worked, err = l.root.SinceLXDStarted(ctx)
	return err
}
