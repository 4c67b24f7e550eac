package limit

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHalfOfTheMemory(t *testing.T) {
	const all = 25276514304 // 24684096 kB
	assert.True(t, HalfOf(all/2, all))
	assert.True(t, HalfOf(12342046720, all), "half of what a kB of 1000 bytes makes of it, in whole pages")
	assert.False(t, HalfOf(all/2+1, all))
	assert.False(t, HalfOf(314572800, all))
}
