package postmortem

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMonitorIsRecognizedByItsCommandLine(t *testing.T) {
	assert.Equal(t, "c1", monitoredContainer("[lxc monitor] /var/lib/lxd/containers c1\x00\x00"))
	assert.Empty(t, monitoredContainer("sh\x00-c\x00[lxc monitor] /var/lib/lxd/containers c1\x00"))
	assert.Empty(t, monitoredContainer(""))
}
