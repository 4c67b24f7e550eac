package steps

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/features"
)

func TestEveryStepIsUsedAndHasOneWording(t *testing.T) {
	steps, err := Vocabulary(features.FS)
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	for _, s := range steps {
		assert.NotEmpty(t, s.Example, "no scenario uses the step %q", s.Pattern)
		assert.True(t, strings.HasPrefix(s.Pattern, "^") && strings.HasSuffix(s.Pattern, "$"), "step %q: not anchored", s.Pattern)
		assert.True(t, strings.HasSuffix(s.Meaning, "."), "step %q: its meaning %q is no sentence", s.Pattern, s.Meaning)
		matches := 0
		for _, other := range steps {
			if regexp.MustCompile(other.Pattern).MatchString(strings.SplitN(s.Example, "\n", 2)[0]) {
				matches++
			}
		}
		assert.Equal(t, 1, matches, "patterns that match %q", s.Example)
	}
}
