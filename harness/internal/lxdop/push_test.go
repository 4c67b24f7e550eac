package lxdop

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyALostSocketIsTriedAgain(t *testing.T) {
	for text, wanted := range map[string]bool{
		"dial unix /proc/self/fd/32/forkfile.sock: connect: no such file or directory": true,
		"read unix @->/proc/self/fd/35/forkfile.sock: read: connection reset by peer":  true,
		"sftp: \"No space left on device\" (SSH_FX_FAILURE)":                           false,
		"Instance not found": false,
	} {
		assert.Equal(t, wanted, lostSocket(errors.New(text)), text)
	}
	assert.False(t, lostSocket(nil))
}
