package idmap

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADaemonThatSupportsOnlyCgroup2StartsNothingIfCgroup1IsMounted(t *testing.T) {
	ids := Delegate(Allocation{Owner: Root, Start: 500000, Count: 3 * Block})
	inner := Delegate(Allocation{Owner: Root, Start: Block, Count: Block})
	for _, config := range []map[string]string{nil, {KeyPrivileged: "true"}} {
		for at := range 2 {
			layout := Layout{Cgroup1: true, Daemons: []Daemon{{Delegation: ids}, {Delegation: inner}}}
			layout.Daemons[at].OnlyCgroup2 = true
			layout.Daemons[at].Config = config
			assert.Equal(t, &Stop{Level: at + 1, Op: OpStart, Reason: CgroupUnsupported}, layout.Plan().Stop, "%v", config)
			layout.Cgroup1 = false
			assert.Nil(t, layout.Plan().Stop, "on pure cgroup v2")
		}
	}

	layout := Layout{Daemons: []Daemon{{Delegation: ids, OnlyCgroup2: true, Config: map[string]string{KeyRawLXC: "lxc.cgroup2.memory.max = 1G\n lxc.cgroup.devices.allow = a"}}}}
	assert.Equal(t, &Stop{Level: 1, Op: OpStart, Reason: ConfigRefused}, layout.Plan().Stop, "its liblxc does not know the key")
	layout.Daemons[0].OnlyCgroup2 = false
	assert.Nil(t, layout.Plan().Stop)

	family := Layout{Cgroup1: true}.Family(1, Identity(), Identity(), Daemon{Delegation: ids})
	require.Nil(t, family.Create("c1", nil))
	family.ReplaceDaemon(Daemon{Delegation: ids, OnlyCgroup2: true}, false)
	_, stop := family.Start("c1")
	assert.Equal(t, &Stop{Level: 1, Op: OpStart, Reason: CgroupUnsupported}, stop)
}
