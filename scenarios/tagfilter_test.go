package scenarios_test

import (
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// excluding returns a tag filter that also excludes tags. It adds them to each alternative, because in godog's
// filters "," (or) binds looser than "&&" (and).
func excluding(filter string, tags ...string) string {
	var all []string
	for alternative := range strings.SplitSeq(filter, ",") {
		for _, tag := range tags {
			alternative = strings.TrimPrefix(alternative+" && ~"+tag, " && ")
		}
		all = append(all, alternative)
	}
	return strings.Join(all, ",")
}

func TestExcludedTagsAreExcludedFromEveryAlternative(t *testing.T) {
	const excluded = "@versions"
	for _, filter := range []string{"", "@requires-debian", "@requires-debian,@slow", "@slow, ~@core && @requires-debian"} {
		require.Contains(t, tagsChosen(t, filter), excluded, filter)
		assert.NotContains(t, tagsChosen(t, excluding(filter, excluded, "@moving")), excluded, filter)
		assert.Equal(t, filter, excluding(filter))
	}
}

// tagsChosen returns every tag of the scenarios that godog chooses by a filter.
func tagsChosen(t *testing.T, filter string) []string {
	t.Helper()
	of := everyFeature(filter)
	chosen, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	require.NoError(t, err)
	var tags []string
	for _, f := range chosen {
		for _, p := range f.Pickles {
			for _, tag := range p.Tags {
				tags = append(tags, tag.Name)
			}
		}
	}
	require.NotEmpty(t, tags)
	return tags
}
