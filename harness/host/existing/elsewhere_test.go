package existing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestTheAllocationIsReadFromRecordedIDs(t *testing.T) {
	// As LXD 5.0.2 writes it for a container on a host with the allocation 1000000:2621440.
	d, err := delegationOf(`[{"Isuid":true,"Isgid":false,"Hostid":1000000,"Nsid":0,"Maprange":2621440},{"Isuid":false,"Isgid":true,"Hostid":1000000,"Nsid":0,"Maprange":2621440}]`)
	require.NoError(t, err)
	assert.Equal(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 1000000, Count: 2621440}), d)
	d, err = delegationOf(`[{"Isuid":true,"Isgid":true,"Hostid":5,"Nsid":0,"Maprange":7}]`)
	require.NoError(t, err)
	assert.Equal(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 5, Count: 7}), d)
	for _, text := range []string{"", "{}", "[]", `[{"Isuid":true,"Hostid":1,"Maprange":1}]`} {
		_, err := delegationOf(text)
		require.ErrorContains(t, err, "expected", text)
	}
}

func TestTheCgroupLayoutIsReadFromALevel(t *testing.T) {
	for groups, want := range map[string]string{
		"0::/\n":                              "v2",
		"1:name=systemd:/\n0::/\n":            "hybrid",
		"5:memory:/\n4:cpu,cpuacct:/lxc/c1\n": "v1",
	} {
		assert.Equal(t, want, layoutIn(groups), groups)
	}
}
