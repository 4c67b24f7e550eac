package existing

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
