package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// bootID is the file of proc that liblxc covers in every container, by one with an id for each start of
// the container (liblxc: conf.c, lxc_setup_boot_id).
const bootID = "/proc/sys/kernel/random/boot_id"

// Live is what happens to a level when it is up, before the next one is made, in the order of the fields.
type Live struct {
	// Config is set in the container's configuration. An empty value takes a key away.
	Config map[string]string
	// Restart restarts the container.
	Restart bool
	// Uncover has root of the level take away what liblxc covers the boot id with.
	Uncover bool
}

// none tells that nothing happens to the level.
func (l Live) none() bool { return len(l.Config) == 0 && !l.Restart && !l.Uncover }

// counting is the configuration that the levels below are made under: security.nesting does what it does
// when the container starts (LXD: lxd/instance/drivers/driver_lxc.go, initLXC), which is to give it a
// proc that nothing covers; to uncover the one that it has does as well, unless more is covered.
func (s LevelSpec) counting(moreCovered bool) map[string]string {
	config := merged(s.Config)
	if s.Live.Restart {
		config = s.now()
	}
	if s.Live.Uncover && !moreCovered {
		delete(config, idmap.KeyNesting) // as if it had not been said otherwise
	}
	return config
}

// now is the configuration that the level has when those below are made.
func (s LevelSpec) now() map[string]string { return merged(s.Config, s.Live.Config) }

// merged is a configuration of its own, with the keys of all, of which later ones count.
func merged(configs ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, config := range configs {
		maps.Copy(all, config)
	}
	return all
}

// withLostCaps is the plan of the layout where a level lost its file capabilities before it was restarted with
// another configuration: they do not come back.
func (s Spec) withLostCaps(layout idmap.Layout, plan idmap.Plan) idmap.Plan {
	for i := range plan.Levels {
		if !s.Levels[i].Live.Restart {
			continue
		}
		created := layout
		created.Daemons = slices.Clone(layout.Daemons[:i+1])
		created.Daemons[i].Config = s.Levels[i].Config
		if first := created.Plan(); len(first.Levels) > i && !first.Levels[i].FileCaps {
			plan.Levels[i].FileCaps = false
		}
	}
	return plan
}

// live does to the level what is asked for.
func (l *Level) live(ctx context.Context, what Live) error {
	if len(what.Config) > 0 {
		if err := Configure(ctx, l, what.Config); err != nil {
			return err
		}
	}
	if what.Restart {
		if err := l.restart(ctx); err != nil {
			return err
		}
	}
	if what.Uncover {
		if _, err := l.Exec(ctx, "umount", bootID); err != nil {
			return err
		}
	}
	return nil
}

// restart has the LXD above restart the level by force, and returns when the LXD inside answers.
func (l *Level) restart(ctx context.Context) error {
	if err := ChangeState(ctx, l, api.InstanceStatePut{Action: "restart", Force: true}); err != nil {
		return err
	}
	l.Release()
	return l.Connect(ctx)
}

// Configured is the value of a key in the level's configuration as the LXD above has it, profiles
// included, and whether it is set.
func Configured(ctx context.Context, l *Level, key string) (value string, set bool, err error) {
	instance, _, err := lxdop.With(ctx, l.above.LXD()).GetInstance(l.Name)
	if err != nil {
		return "", false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	value, set = instance.ExpandedConfig[key]
	return value, set, nil
}

// ChangeState asks the LXD above for another state of the level, and waits for it.
func ChangeState(ctx context.Context, l *Level, state api.InstanceStatePut) error {
	if l.root != nil && (state.Action == "stop" || state.Action == "restart") {
		l.root.Rest() // so that the LXD inside has nothing of ours to wait for
	}
	op, err := l.above.LXD().UpdateInstanceState(l.Name, state, "")
	return Finish(ctx, l, state.Action, op, err)
}

// Finish waits for an operation of the LXD above that was asked for, if err does not say that it was refused.
func Finish(ctx context.Context, l *Level, what string, op lxd.Operation, err error) error {
	if _, err = lxdop.Await(ctx, l.above.LXD(), op, err); err != nil {
		return fmt.Errorf("level %d: %s: %w", l.Index, what, err)
	}
	return nil
}

// updateInstance has the LXD above change what it has written down of the level, running or not.
func updateInstance(ctx context.Context, l *Level, what string, change func(*api.InstancePut)) error {
	instance, etag, err := lxdop.With(ctx, l.above.LXD()).GetInstance(l.Name)
	if err != nil {
		return Finish(ctx, l, what, nil, err)
	}
	put := instance.Writable()
	change(&put)
	op, err := l.above.LXD().UpdateInstance(l.Name, put, etag)
	return Finish(ctx, l, what, op, err)
}

// Configure sets keys of the configuration of the level, running or not; an empty value takes a key away.
func Configure(ctx context.Context, l *Level, keys map[string]string) error {
	return updateInstance(ctx, l, "configure", func(put *api.InstancePut) {
		maps.Copy(put.Config, keys)
		maps.DeleteFunc(put.Config, func(_, value string) bool { return value == "" })
	})
}

// AttachDevice gives the level a device, running or not.
func AttachDevice(ctx context.Context, l *Level, name string, device map[string]string) error {
	return updateInstance(ctx, l, "attach", func(put *api.InstancePut) { put.Devices[name] = device })
}
