package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSideBySide(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name   string
		hosts  int
		memory uint64
		want   int
	}{
		{"as many as the processors allow", 4, 24 * gib, 4},
		{"one for each GiB if memory is short", 32, 7*gib + gib/2, 7},
		{"one if there is hardly any memory", 4, gib / 2, 1},
		{"by processors alone if the memory is unknown", 8, 0, 8},
	} {
		assert.Equal(t, c.want, sideBySide(c.hosts, c.memory), c.name)
	}
}
