package storage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestRecordedMapsAreParsed(t *testing.T) {
	m, err := recordedMap(`[{"Isuid":true,"Isgid":false,"Hostid":500000,"Nsid":0,"Maprange":65536},{"Isuid":false,"Isgid":true,"Hostid":600000,"Nsid":1,"Maprange":2}]`)
	require.NoError(t, err)
	assert.Equal(t, idmap.Map{UID: []idmap.Mapping{{Parent: 500000, Count: 65536}}, GID: []idmap.Mapping{{Inside: 1, Parent: 600000, Count: 2}}}, m)
	for _, empty := range []string{"", "[]"} {
		m, err := recordedMap(empty)
		require.NoError(t, err)
		assert.Empty(t, m)
	}
	_, err = recordedMap("{")
	assert.ErrorContains(t, err, `"{"`)
}
