package existing

import (
	"testing"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFailureMayConcernOnlyTheMembersThatItNames(t *testing.T) {
	const address = "10.0.0.3:8443"
	for failure, want := range map[string]bool{
		`Failed syncing image between nodes: Failed to connect node for image synchronization: Get "https://10.0.0.3:8443/1.0": EOF`:             true,
		"Failed syncing image between nodes: Failed remote image download: websocket: close 1006 (abnormal closure): unexpected EOF":             true,
		`Failed syncing image between nodes: Failed to connect node for image synchronization: Get "https://10.0.0.2:8443/1.0": EOF`:             false,
		`Get "https://10.0.0.3:8443/1.0?target=m3": Unable to connect to: 10.0.0.3:8443 ([dial tcp 10.0.0.3:8443: connect: connection refused])`: true,
	} {
		assert.Equal(t, want, mayConcern(failure, address), failure)
	}
}

func TestOnlyAnEvacuatedMemberThatAnswersIsUnavailable(t *testing.T) {
	for status, unavailable := range map[string]bool{"Online": false, "Evacuated": true, "Offline": false, "Blocked": false} {
		assert.Equal(t, unavailable, evacuation(api.ClusterMember{ServerName: "m1", Status: status}) != nil, status)
	}
}

func TestAnOfflineMemberIsUsedIfNoOtherIsOnline(t *testing.T) {
	c := &Cluster{names: []string{"m1", "m2", "m3"}, capacity: map[string]int{"m1": 4, "m2": 4}, placed: map[string]int{}, down: map[string]error{}}
	status := func(m1, m2, m3 string) []api.ClusterMember {
		return []api.ClusterMember{{ServerName: "m1", Status: m1}, {ServerName: "m2", Status: m2}, {ServerName: "m3", Status: m3}}
	}
	for _, try := range []struct {
		members []api.ClusterMember
		want    string
	}{
		{status("Offline", "Online", "Evacuated"), "m2"},
		{status("Offline", "Online", "Evacuated"), "m2"},
		{status("Online", "Online", "Evacuated"), "m1"},
		{status("Offline", "Offline", "Evacuated"), "m1"},
		{status("Evacuated", "Offline", "Blocked"), "m2"},
	} {
		got, err := c.reserveRoom(try.members)
		require.NoError(t, err)
		assert.Equal(t, try.want, got.ServerName)
	}
	_, err := c.reserveRoom(status("Evacuated", "Blocked", "Evacuated"))
	assert.ErrorContains(t, err, "no member accepts instances: m1 is evacuated")
}
