package classify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecisiveKeepsTheFirstAndLastProblemLines(t *testing.T) {
	const plain = "lxc c1 1.1 DEBUG    start - fine\n"
	problemPriority := "lxc c1 1.1 ERROR    conf - ../src/lxc/conf.c:1 - bad\n"
	found := "newuidmap: uid range [0-65536) -> [1-65537) not allowed\n"
	assert.Equal(t, []string{strings.TrimSpace(problemPriority), strings.TrimSpace(found)}, Decisive(plain+problemPriority+plain+found+"lxc WARNING\n"))
	assert.Empty(t, Decisive(plain))
	many := Decisive(found + strings.Repeat(problemPriority, 100) + found)
	require.Len(t, many, decisiveLines)
	assert.Equal(t, strings.TrimSpace(found), many[0])
	assert.Equal(t, strings.TrimSpace(found), many[decisiveLines-1])
	assert.Equal(t, "... 91 lines more", many[decisiveLines*2/3-1])
}
