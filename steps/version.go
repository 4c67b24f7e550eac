package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	"golang.org/x/mod/semver"

	"nestbed/harness/bundle"
	"nestbed/harness/inventory"
)

// versionTag matches the tags of scenarios that hold for one of LXD and Incus (@lxd, @incus), or
// that hold only since or before one of its versions (@since-lxd-6.2, @before-incus-7.0). The
// latter say nothing about the other.
var versionTag = regexp.MustCompile(`^@(?:(since|before)-(lxd|incus)-(\d+(?:\.\d+){0,2})|(lxd|incus))$`)

// versionRequirements returns the requirements of the tags of scenarios on the version of the
// bundle's daemon.
func versionRequirements(scenarios []*godog.Scenario, b *bundle.Bundle) []inventory.Requirement {
	var all []inventory.Requirement
	for _, sc := range scenarios {
		for _, tag := range sc.Tags {
			if slices.ContainsFunc(all, func(r inventory.Requirement) bool { return r.For == tag.Name }) {
				continue
			}
			if m := versionTag.FindStringSubmatch(tag.Name); m != nil {
				what, holds := versionHolds(m[1], m[2]+m[4], m[3], b)
				all = append(all, inventory.Requirement{For: tag.Name, Name: what, OK: holds, Found: b.Daemon(), Elsewhere: true})
			}
		}
	}
	return all
}

// versionHolds reports whether a tag holds for the bundle's daemon, and says what it means. An
// unknown version counts as the newest.
func versionHolds(when, daemon, version string, b *bundle.Bundle) (what string, holds bool) {
	name, is := "LXD", !b.Flavor.Incus()
	if daemon == "incus" {
		name, is = "Incus", b.Flavor.Incus()
	}
	if when == "" {
		return name, is
	}
	own, _, _ := strings.Cut(b.LXD, " ") // "5.21.3 LTS"
	older := semver.IsValid("v"+own) && semver.Compare("v"+own, "v"+version) < 0
	return fmt.Sprintf("%s %s %s", name, when, version), !is || older == (when == "before")
}
