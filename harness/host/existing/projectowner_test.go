package existing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheStateOfAProcessIsKnownOnlyOnItsMachine(t *testing.T) {
	here, err := thisProcess()
	require.NoError(t, err)
	again, err := parseOwner(here.String())
	require.NoError(t, err)
	require.Equal(t, here, again)

	here.Machine = "m"
	for name, c := range map[string]struct {
		change func(*owner)
		remote bool
		want   state
	}{
		"itself":                        {func(*owner) {}, true, running},
		"one that has ended":            {func(o *owner) { o.Pid = "4194304" }, true, ended}, // above the largest pid of any kernel
		"one whose pid was reused":      {func(o *owner) { o.Started = "1" }, true, ended},
		"of an earlier boot":            {func(o *owner) { o.Boot = "b" }, false, ended},
		"of an earlier boot or a clone": {func(o *owner) { o.Boot = "b" }, true, unknown},
		"of another machine":            {func(o *owner) { o.Boot, o.Machine = "b", "n" }, false, unknown},
		"of a machine without an id":    {func(o *owner) { o.Boot, o.Machine = "b", "" }, false, unknown},
		"of another pid namespace":      {func(o *owner) { o.Namespace = "pid:[1]" }, false, unknown},
	} {
		o := here
		c.change(&o)
		seen, err := o.seenFrom(here, c.remote)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, seen, name)
	}
	_, err = parseOwner("someone")
	require.EqualError(t, err, `user.nestbed.owner: read "someone", expected machine/boot/namespace/pid/start`)
}
