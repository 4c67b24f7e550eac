package private

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLookupWithoutANameReturnsTheOnlyKeptHost(t *testing.T) {
	dead, running := Leftover{Name: "dead", Kept: true}, Leftover{Name: "running", Live: true}
	a, b := Leftover{Name: "a", Live: true, Kept: true}, Leftover{Name: "b", Live: true, Kept: true}

	_, err := onlyKept([]Leftover{dead, running})
	require.ErrorIs(t, err, ErrNoneKept)
	l, err := onlyKept([]Leftover{dead, a, running})
	require.NoError(t, err)
	assert.Equal(t, "a", l.Name)
	_, err = onlyKept([]Leftover{a, dead, b})
	require.EqualError(t, err, "2 hosts are kept: a, b; name one of them")
}
