package postmortem

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMonitorIsKnownByWhatItCallsItself(t *testing.T) {
	assert.Equal(t, "c1", monitored("[lxc monitor] /var/lib/lxd/containers c1\x00\x00"))
	assert.Empty(t, monitored("sh\x00-c\x00[lxc monitor] /var/lib/lxd/containers c1\x00"))
	assert.Empty(t, monitored(""))
}
