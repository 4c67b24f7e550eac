package harness

import (
	"context"
	"fmt"
	"maps"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
)

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
	instance, etag, err := l.above.LXD().GetInstance(l.Name)
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
