package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSideBySide(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name       string
		processors int
		memory     uint64
		want       int
	}{
		{"two a processor", 2, 24 * gib, 4},
		{"one a GiB where memory is short", 16, 7*gib + gib/2, 7},
		{"one where there is hardly any", 2, gib / 2, 1},
		{"by processors alone where nobody knows the memory", 4, 0, 8},
	} {
		assert.Equal(t, c.want, sideBySide(c.processors, c.memory), c.name)
	}
}
