package steps

import (
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/features"
	"nestbed/harness/bundle"
)

func TestExcludedTagsAreExcludedFromEveryAlternative(t *testing.T) {
	const excluded = "@versions"
	for _, filter := range []string{"", "@requires-debian", "@requires-debian,@slow", "@slow, ~@core && @requires-debian"} {
		require.Contains(t, tagsChosen(t, filter), excluded, filter)
		assert.NotContains(t, tagsChosen(t, excluding(filter, excluded, "@moving")), excluded, filter)
		assert.Equal(t, filter, excluding(filter))
	}
}

// tagsChosen returns all tags of the scenarios that a filter selects.
func tagsChosen(t *testing.T, filter string) []string {
	t.Helper()
	pickles, _, err := chosen(godog.Options{FS: features.FS, Paths: []string{"."}, Tags: filter})
	require.NoError(t, err)
	var tags []string
	for _, p := range pickles {
		for _, tag := range p.Tags {
			tags = append(tags, tag.Name)
		}
	}
	require.NotEmpty(t, tags)
	return tags
}

// TestAllTagsAreKnown finds mistyped tags. A scenario with one would run where it cannot, or
// never.
func TestAllTagsAreKnown(t *testing.T) {
	known := []string{Slow, Moving, KnownBug, Core, Exclusive, Versions, onAcceptedDowngrade, onRefusedDowngrade}
	for _, c := range requirements(t.Context(), bundle.Store{}, bundle.Source{Kind: bundle.Installed}, "") {
		known = append(known, c.For)
	}
	pickles, _, err := chosen(godog.Options{FS: features.FS, Paths: []string{"."}})
	require.NoError(t, err)
	for _, p := range pickles {
		for _, tag := range p.Tags {
			if !versionTag.MatchString(tag.Name) {
				assert.Contains(t, known, tag.Name, "%s: %s", p.Uri, p.Name)
			}
		}
	}
}

func TestEveryVersionTagSaysWhatIsDifferent(t *testing.T) {
	pickles, at, err := chosen(godog.Options{FS: features.FS, Paths: []string{"."}})
	require.NoError(t, err)
	for _, p := range pickles {
		for _, tag := range p.Tags {
			if versionTag.MatchString(tag.Name) {
				assert.NotEmpty(t, at[p.Id].comments[tag.AstNodeId], "%s: %s: %s: write a comment above it that names the fact, and the commit or file", p.Uri, p.Name, tag.Name)
			}
		}
	}
}

func TestScenariosAreTaggedWithTheirRequirements(t *testing.T) {
	for _, c := range requirements(t.Context(), bundle.Store{}, bundle.Source{Kind: bundle.Installed}, "") {
		prefix := "@requires-"
		if c.Elsewhere && c.For != "@requires-private-host" {
			prefix = "@on-"
		}
		assert.True(t, strings.HasPrefix(c.For, prefix), "%s: %s", c.Name, c.For)
	}
}
