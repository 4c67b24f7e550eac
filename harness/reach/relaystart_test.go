package reach

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyAProgramThatLXDGaveUpBeforeItsStartIsRunAgain(t *testing.T) {
	for text, wanted := range map[string]bool{
		"Timed out waiting for websockets to connect": true,
		"Only running operations can be connected":    true,
		"exit status 1":           false,
		"Instance is not running": false,
		"read unix @->/var/lib/lxd/unix.socket: i/o timeout": false, // it may have been started
	} {
		assert.Equal(t, wanted, NeverStarted(errors.New(text)), text)
	}
	assert.False(t, NeverStarted(nil))
}
