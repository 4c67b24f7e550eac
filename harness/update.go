package harness

import (
	"context"
	"maps"

	"github.com/canonical/lxd/shared/api"
)

// update has the LXD above change what it has written down of the level, running or not.
func (l *Level) update(ctx context.Context, what string, change func(*api.InstancePut)) error {
	instance, etag, err := l.above.LXD().GetInstance(l.Name)
	if err != nil {
		return l.finish(ctx, what, nil, err)
	}
	put := instance.Writable()
	change(&put)
	op, err := l.above.LXD().UpdateInstance(l.Name, put, etag)
	return l.finish(ctx, what, op, err)
}

// Configure sets keys of the configuration of the level, running or not; an empty value takes a key away.
func (l *Level) Configure(ctx context.Context, keys map[string]string) error {
	return l.update(ctx, "configure", func(put *api.InstancePut) {
		maps.Copy(put.Config, keys)
		maps.DeleteFunc(put.Config, func(_, value string) bool { return value == "" })
	})
}

// attach gives the level a device, running or not.
func (l *Level) attach(ctx context.Context, name string, device map[string]string) error {
	return l.update(ctx, "attach", func(put *api.InstancePut) { put.Devices[name] = device })
}
