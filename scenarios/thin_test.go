package scenarios_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// TestAThinLevelWithTheWrongUsrIsFound gives a level another /usr before it starts. Below level 1 a
// writable device is no use: /usr of the level above is read-only itself.
func TestAThinLevelWithTheWrongUsrIsFound(t *testing.T) {
	parallel(t, 1)
	type device = map[string]string
	for name, c := range map[string]struct {
		level   int
		prepare string // a script for the level above
		change  func(usr device) device
		found   map[string]string // the checks that fail, and what they get
		stops   bool
	}{
		"as it should be": {level: 2, change: func(usr device) device { return usr }, found: map[string]string{}},
		"writable": {
			level:  1,
			change: func(usr device) device { delete(usr, "readonly"); return usr },
			found:  map[string]string{"a directory made in /usr": "Permission denied"}, // nobody owns it
		},
		"of another version": {
			level:   2,
			prepare: "mkdir -p /srv/usr && cp -r /usr/* /srv/usr && echo 0123456789abcdef >/srv/usr/lib/nestbed/bundle",
			change:  func(usr device) device { usr["source"] = "/srv/usr"; return usr },
			found:   map[string]string{"bundle of /usr": "0123456789abcdef"},
		},
		"missing": {level: 2, change: func(device) device { return nil }, stops: true},
	} {
		t.Run(name, func(t *testing.T) {
			spec := harness.Cascade(c.level)
			spec.Hooks = []harness.Hook{{Level: c.level, Op: idmap.OpStart, Name: name, Before: func(ctx context.Context, chain *harness.Chain, l *harness.Level) (func() error, error) {
				if _, err := chain.ExecAt(ctx, c.level-1, "sh", "-c", c.prepare); err != nil {
					return nil, err
				}
				return nil, changeUsr(ctx, l, c.change)
			}}}
			h := harnesstest.Host(t, article)
			if c.stops {
				chain := harnesstest.Build(t, h, spec, harnesstest.StopsAt(c.level, idmap.OpStart, idmap.Unclassified))
				require.ErrorContains(t, chain.Stop, "forkstart") // an error of LXD, not of the hook
				return
			}
			chain := harnesstest.Build(t, h, spec)
			checks, err := probe.Verify(harnesstest.Context(t), chain, harness.Programs)
			require.NoError(t, err)
			found := map[string]string{}
			for _, check := range harness.Failed(checks) {
				assert.Equal(t, c.level, check.Level, "%s", check)
				found[check.What] = check.Got
			}
			assert.Equal(t, c.found, found)
		})
	}
}

// changeUsr changes the device that gives a level its /usr, or removes it if change returns nil.
func changeUsr(ctx context.Context, l *harness.Level, change func(usr map[string]string) map[string]string) error {
	server := l.Above().LXD()
	instance, etag, err := server.GetInstance(l.Name)
	if err != nil {
		return err
	}
	put := instance.Writable()
	usr := change(put.Devices["usr"])
	delete(put.Devices, "usr")
	if usr != nil {
		put.Devices["usr"] = usr
	}
	op, err := server.UpdateInstance(l.Name, put, etag)
	return harness.Finish(ctx, l, "change its /usr", op, err)
}
