package steps

import (
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
)

// Slow is the tag of scenarios that take more than 20 seconds.
const Slow = "@slow"

// Versions is the tag of scenarios about the old version and the new one.
const Versions = "@versions"

// Moving is the tag of scenarios about what is not the same from one day to the next: a bundle of Debian's sid.
const Moving = "@moving"

// KnownBug is the tag of scenarios that some versions of LXD or Incus fail, by a bug of theirs that another scenario pins: they are
// for the comparison of versions.
const KnownBug = "@known-bug"

// Core is the tag of the few scenarios that a slow machine, or a first look, is enough for.
const Core = "@core"

// Exclusive is the tag of scenarios that no other may run beside: their outcome is one of the machine's, too.
const Exclusive = "@exclusive"

func hasTag(sc *godog.Scenario, name string) bool {
	return slices.ContainsFunc(sc.Tags, func(t *messages.PickleTag) bool { return t.Name == name })
}

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
