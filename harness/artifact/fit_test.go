package artifact_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/artifact"
)

func TestFilesFitIntoTheLimitAndTheSmallOnesStayWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var files []artifact.File
		for i, size := range rapid.SliceOfN(rapid.IntRange(0, 5000), 0, 12).Draw(t, "sizes") {
			files = append(files, artifact.File{Name: fmt.Sprint(i), Body: bytes.Repeat([]byte{'x'}, size)})
		}
		limit := rapid.IntRange(0, 20000).Draw(t, "limit")
		fitted := artifact.Fit(files, limit)
		require.Len(t, fitted, len(files))
		sum, whole := 0, 0
		for i, f := range fitted {
			assert.Equal(t, files[i].Name, f.Name)
			sum, whole = sum+len(f.Body), whole+len(files[i].Body)
			if len(files[i].Body) <= limit/len(files) {
				assert.Len(t, f.Body, len(files[i].Body), "smaller than its share")
			}
		}
		assert.LessOrEqual(t, sum, limit)
		if whole <= limit {
			assert.Equal(t, files, fitted)
		}
	})
}

func TestACutFileKeepsItsBeginningAndItsEnd(t *testing.T) {
	body := append(append([]byte("cause"), bytes.Repeat([]byte{'.'}, 100000)...), []byte("effect")...)
	got := artifact.Fit([]artifact.File{{"small", []byte("s")}, {"log", body}}, 1000)
	assert.Equal(t, "s", string(got[0].Body))
	assert.Regexp(t, `^cause\.+\n\[\.\.\. 990\d\d bytes left out \.\.\.\]\n\.+effect$`, string(got[1].Body))
	assert.Greater(t, len(got[1].Body), 900, "no more is cut than necessary")
}
