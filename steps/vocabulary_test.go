package steps

import (
	"context"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/features"
)

func TestEveryStepIsUsed(t *testing.T) {
	steps, err := Vocabulary(features.FS)
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	for _, s := range steps {
		assert.NotEmpty(t, s.Example, "no scenario uses the step %q", s.Pattern)
		assert.True(t, strings.HasPrefix(s.Pattern, "^") && strings.HasSuffix(s.Pattern, "$"), "step %q: not anchored", s.Pattern)
		assert.True(t, strings.HasSuffix(s.Meaning, "."), "step %q: its meaning %q is no sentence", s.Pattern, s.Meaning)
	}
}

func TestEveryUseOfAStepHasOneMeaning(t *testing.T) {
	patterns := map[string]*regexp.Regexp{}
	for _, s := range vocabulary {
		patterns[s.pattern] = regexp.MustCompile(s.pattern)
	}
	require.Len(t, patterns, len(vocabulary), "patterns, each once")
	used, err := uses(features.FS)
	require.NoError(t, err)
	for _, use := range used {
		var matching []string
		for text, pattern := range patterns {
			if pattern.MatchString(use.Text) {
				matching = append(matching, text)
			}
		}
		assert.Len(t, matching, 1, "patterns that match %q", use.Text)
	}
}

// TestEveryThenStepHasWrongValues checks captures and another with every use of a Then step:
// captures must find all groups of the pattern, and the other value of each group must match the
// pattern too.
func TestEveryThenStepHasWrongValues(t *testing.T) {
	used, err := uses(features.FS)
	require.NoError(t, err)
	for _, s := range vocabulary {
		if s.keyword != Then {
			continue
		}
		method := reflect.TypeOf(s.method(&scenario{pool: &pool{}}))
		require.True(t, method.NumOut() == 1 && method.Out(0) == reflect.TypeFor[error](), "step %q: its method returns no error: %s", s.pattern, method)
		pattern := regexp.MustCompile(s.pattern)
		found := captures(s.pattern)
		require.Len(t, found, pattern.NumSubexp(), "captures of %q", s.pattern)
		takes := 0
		for in := range method.Ins() {
			if in != reflect.TypeFor[context.Context]() && in != reflect.TypeFor[*godog.Table]() {
				takes++
			}
		}
		require.Equal(t, len(found), takes, "step %q takes its captures and perhaps a table: %s", s.pattern, method)
		for _, use := range used {
			values := pattern.FindStringSubmatch(use.Text)
			for i := range values[min(1, len(values)):] {
				if !found[i].wanted {
					continue
				}
				other := (&pool{}).another(found[i], values[i+1])
				assert.NotEqual(t, values[i+1], other, "%q", use.Text)
				assert.Regexp(t, "^(?:"+found[i].source+")$", other, "%q", use.Text)
			}
		}
	}
}
