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
		{"as many as there is time for", 4, 24 * gib, 4},
		{"one a GiB where memory is short", 32, 7*gib + gib/2, 7},
		{"one where there is hardly any", 4, gib / 2, 1},
		{"by processors alone where nobody knows the memory", 8, 0, 8},
	} {
		assert.Equal(t, c.want, sideBySide(c.hosts, c.memory), c.name)
	}
}
