package steps

import (
	"bytes"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const wrongFeature = `Feature: f
  @requires-fuze @mine
  Scenario Outline: one
    Given an LXD host whose rot allocation is "root:<start>:131072"
    When the moon is made of cheese
    Then a chain of depth 2 is built without delegations
    Examples:
      | start |
      | 1     |
      | 2     |

  Scenario: empty

  @since-lxd-6.2 @on-apparmor
  Scenario: two
    Given an LXD host without a root allocation
    When my own step
`

func TestEveryMistakeHasItsLineAndWhatResemblesIt(t *testing.T) {
	suite := Suite{
		Features: fstest.MapFS{"f.feature": {Data: []byte(wrongFeature)}},
		Steps:    []Step{{Keyword: When, Pattern: "^my own step$", Do: func() {}}},
	}
	mistakes, err := suite.Mistakes()
	require.NoError(t, err)
	var text []string
	for _, m := range mistakes {
		text = append(text, m.String())
	}
	require.Equal(t, []string{
		"f.feature:2: @requires-fuze: not a known tag",
		`f.feature:4: Given an LXD host whose rot allocation is "root:1:131072": not a known step`,
		"f.feature:5: When the moon is made of cheese: not a known step",
		"f.feature:6: Then a chain of depth 2 is built without delegations: this is a When step",
		"f.feature:12: Scenario empty: it has no steps",
	}, text)
	assert.Equal(t, "@requires-fuse", mistakes[0].Known[0])
	assert.Equal(t, `Given an LXD host whose root allocation is "root:500000:65536"`, mistakes[1].Known[0])
	assert.Empty(t, mistakes[2].Known)

	suite.Name = regexp.MustCompile("^f: two$")
	mistakes, err = suite.Mistakes()
	require.NoError(t, err)
	assert.Empty(t, mistakes, "only those of selected scenarios")
	names, err := suite.List()
	require.NoError(t, err)
	assert.Equal(t, []string{"f: two"}, names)
}

func TestAFeatureThatCannotBeParsedIsNamedWithItsLine(t *testing.T) {
	_, err := Suite{Features: fstest.MapFS{"a/f.feature": {Data: []byte("Feature: f\n  Scenario: a\n    Given b\n  nonsense\n")}}}.Mistakes()
	require.ErrorContains(t, err, "a/f.feature:4: not valid Gherkin: expected: ")
	assert.NotContains(t, err.Error(), "\n")

	_, err = Suite{Features: fstest.MapFS{"f.feature": {Data: bytes.Repeat([]byte("\x00\xff"), 1<<20)}}}.Mistakes()
	require.ErrorContains(t, err, "features: a file is not Gherkin: ")
}

func TestNestbedsOwnFeaturesHaveNoMistakes(t *testing.T) {
	mistakes, err := Suite{Tags: "~@none"}.Mistakes()
	require.NoError(t, err)
	assert.Empty(t, mistakes)
}
