package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
)

// in returns a scenario of a rule. A word that begins with @ is the tag that excludes it.
func in(rule, name, status string) Scenario {
	s := Scenario{Name: name, Rule: rule, Status: Status(status)}
	if strings.HasPrefix(status, "@") {
		s.Status, s.Tag, s.Fact = Skipped, status, "The fact of "+status+"."
	}
	return s
}

// version returns a run in which the scenarios of three rules have the given statuses.
func version(name string, statuses ...string) Run {
	names := []string{"a: one", "a: two", "a: three", "b: four", "b: five"}
	r := Run{Facts: host.Facts{LXD: name}}
	for i, name := range names {
		r.Scenarios = append(r.Scenarios, in([]string{"R", "R", "S", "T", ""}[i], name, statuses[i]))
	}
	return r
}

func TestBehaviorsOfVersions(t *testing.T) {
	v, err := NewVersions(
		version("5.0.2", "passed", "passed", "passed", "skipped", "passed"),
		version("6.2", "passed", "@before-lxd-6", "passed", "skipped", "failed"),
		version("Incus 6.0.4", "@since-lxd-7", "@since-lxd-7", "@since-lxd-7", "skipped", "passed"),
	)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, v.Write(&b))
	_, table, _ := strings.Cut(b.String(), "\n\n")
	assert.Equal(t, strings.TrimPrefix(`
a    b         c    behavior
yes  1 of 2    no   a: R
    a, b (@since-lxd-7): one
    a (@since-lxd-7): two
      The fact of @since-lxd-7.
yes  yes       no   a: S
    a, b (@since-lxd-7): three
      The fact of @since-lxd-7.
yes  1 FAILED  yes  b
    a, c, FAILED in b: five
-    -         -    b: T

3 behaviors differ, 1 are the same everywhere
`, "\n"), table)
	assert.Equal(t, Behavior{
		Feature: "a", Rule: "S", Counts: []Count{{Passed: 1}, {Passed: 1}, {Other: 1}},
		Differences: []Difference{{Scenario: "three", Holds: []string{"a", "b"}, Tag: "@since-lxd-7", Fact: "The fact of @since-lxd-7."}},
	}, v.Behaviors[1])
	assert.Len(t, v.Different().Behaviors, 3)
	assert.Len(t, v.Behaviors, 4)
}

func TestAScenarioThatIsForOtherVersionsInEveryRunIsNotCounted(t *testing.T) {
	old := version("5.0.2", "passed", "@incus", "passed", "passed", "passed")
	v, err := NewVersions(old, old)
	require.NoError(t, err)
	assert.Equal(t, "yes", v.Behaviors[0].Counts[0].String())
	assert.Empty(t, v.Behaviors[0].Differences)
}

func TestARunWithoutRulesIsRefused(t *testing.T) {
	_, err := NewVersions(version("6.2", "passed", "passed", "passed", "passed", "passed"), run(passed("a: one", nil)))
	require.ErrorContains(t, err, "it names no rules of features; run the scenarios again")
}
