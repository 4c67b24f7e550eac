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

// bootID is the file of /proc that liblxc covers in every container, so that each start of a
// container has its own boot id (liblxc: conf.c, lxc_setup_boot_id).
const bootID = "/proc/sys/kernel/random/boot_id"

// Live lists what Build does to a level that is up before it makes the next one, in the order of
// the fields.
type Live struct {
	// Config is set in the container's configuration. An empty value removes a key.
	Config map[string]string
	// Restart restarts the container.
	Restart bool
	// Uncover makes root of the level unmount what liblxc covers the boot id with.
	Uncover bool
}

// empty reports whether nothing happens to the level.
func (l Live) empty() bool { return len(l.Config) == 0 && !l.Restart && !l.Uncover }

// effectiveConfig returns the configuration under which the levels below are made.
// security.nesting acts when the container starts (LXD: lxd/instance/drivers/driver_lxc.go,
// initLXC): the container gets a second proc that nothing covers. Uncovering the first proc has
// the same effect, unless more of it is covered.
func (s LevelSpec) effectiveConfig(moreCovered bool) map[string]string {
	config := merged(s.Config)
	if s.Live.Restart {
		config = s.currentConfig()
	}
	if s.Live.Uncover && !moreCovered {
		delete(config, idmap.KeyNesting) // the harness's default allows nesting
	}
	return config
}

// currentConfig returns the configuration that the level has when those below are made.
func (s LevelSpec) currentConfig() map[string]string { return merged(s.Config, s.Live.Config) }

// merged returns a new map with the keys of all configs. Later ones win.
func merged(configs ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, config := range configs {
		maps.Copy(all, config)
	}
	return all
}

// withLostCaps returns the plan without the file capabilities that levels lost before they were
// restarted with another configuration: those do not come back.
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

// applyLive applies what to the level.
func (l *Level) applyLive(ctx context.Context, what Live) error {
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

// restart restarts the level by force through the LXD above, and returns when the LXD inside
// answers.
func (l *Level) restart(ctx context.Context) error {
	if err := ChangeState(ctx, l, api.InstanceStatePut{Action: "restart", Force: true}); err != nil {
		return err
	}
	l.Release()
	return l.Connect(ctx)
}

// Configured returns the value of a key in the level's configuration, profiles included, and
// whether it is set.
func Configured(ctx context.Context, l *Level, key string) (value string, set bool, err error) {
	instance, _, err := lxdop.With(ctx, l.above.LXD()).GetInstance(l.Name)
	if err != nil {
		return "", false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	value, set = instance.ExpandedConfig[key]
	return value, set, nil
}

// ChangeState changes the state of the level through the LXD above, and waits until that is done.
func ChangeState(ctx context.Context, l *Level, state api.InstanceStatePut) error {
	if l.root != nil && (state.Action == "stop" || state.Action == "restart") {
		l.root.EndRelays() // the LXD inside would wait for our relay
	}
	op, err := l.above.LXD().UpdateInstanceState(l.Name, state, "")
	return Finish(ctx, l, state.Action, op, err)
}

// Finish waits for an operation of the LXD above, or returns err if LXD refused it. Errors name
// the level and what was done.
func Finish(ctx context.Context, l *Level, what string, op lxd.Operation, err error) error {
	if _, err = lxdop.Await(ctx, l.above.LXD(), op, err); err != nil {
		return fmt.Errorf("level %d: %s: %w", l.Index, what, err)
	}
	return nil
}

// updateInstance changes the level's container in the LXD above, whether it runs or not.
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

// Configure sets keys of the level's configuration, whether it runs or not. An empty value removes
// a key.
func Configure(ctx context.Context, l *Level, keys map[string]string) error {
	return updateInstance(ctx, l, "configure", func(put *api.InstancePut) {
		maps.Copy(put.Config, keys)
		maps.DeleteFunc(put.Config, func(_, value string) bool { return value == "" })
	})
}

// AttachDevice adds a device to the level, whether it runs or not.
func AttachDevice(ctx context.Context, l *Level, name string, device map[string]string) error {
	return updateInstance(ctx, l, "attach", func(put *api.InstancePut) { put.Devices[name] = device })
}
