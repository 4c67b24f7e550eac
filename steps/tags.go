package steps

import (
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
)

// Slow is the tag of scenarios that take more than 20 seconds.
const Slow = "@slow"

// Versions is the tag of scenarios that need an old and a new version.
const Versions = "@versions"

// Moving is the tag of scenarios with a bundle that changes from day to day: Debian sid.
const Moving = "@moving"

// KnownBug is the tag of scenarios that fail with some versions of LXD or Incus because of a known
// bug, which another scenario pins. They are for comparing versions.
const KnownBug = "@known-bug"

// Core is the tag of the few most important scenarios, for a slow machine or a quick check.
const Core = "@core"

// Exclusive is the tag of scenarios that run alone, because their outcome depends on the load of
// the machine.
const Exclusive = "@exclusive"

func hasTag(sc *godog.Scenario, name string) bool {
	return slices.ContainsFunc(sc.Tags, func(t *messages.PickleTag) bool { return t.Name == name })
}

// excluding returns a tag filter that also excludes tags. It adds them to each alternative,
// because in godog's filters "," (or) has a lower precedence than "&&" (and).
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
