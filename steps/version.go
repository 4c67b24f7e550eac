package steps

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	"golang.org/x/mod/semver"

	"nestbed/harness/bundle"
	"nestbed/harness/inventory"
)

// versionTag matches the tags of scenarios that hold for one of LXD and Incus (@lxd, @incus), or
// that hold only since or before one of its versions (@since-lxd-6.2, @before-incus-7.0) or a
// version of shadow, which newuidmap comes from (@before-shadow-4.20). The latter say nothing about
// other programs.
var versionTag = regexp.MustCompile(`^@(?:(since|before)-(lxd|incus|shadow)-(\d+(?:\.\d+){0,2})|(lxd|incus))$`)

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
				p := programOf(m[2]+m[4], b)
				all = append(all, inventory.Requirement{For: tag.Name, Name: strings.TrimSpace(p.name + " " + m[1] + " " + m[3]), OK: p.holds(m[1], m[3]), Found: p.found, Elsewhere: true})
			}
		}
	}
	return all
}

// A program is one that a tag of a version names.
type program struct {
	name string
	// found says what the bundle has, with version or without, and used whether that is this
	// program.
	found, version string
	used           bool
}

// programOf returns the program of a tag: lxd, incus or shadow.
func programOf(tag string, b *bundle.Bundle) program {
	if tag == "shadow" {
		return program{name: "shadow", found: strings.TrimSpace("shadow " + string(b.Shadow)), version: string(b.Shadow), used: b.ShadowTools}
	}
	own, _, _ := strings.Cut(b.LXD, " ") // "5.21.3 LTS"
	p := program{name: "LXD", found: b.Daemon(), version: own, used: !b.Flavor.Incus()}
	if tag == "incus" {
		p.name, p.used = "Incus", b.Flavor.Incus()
	}
	return p
}

// holds reports whether a tag that names the program and says "since" or "before" a version, or
// neither, holds. An unknown version counts as the newest.
func (p program) holds(when, version string) bool {
	if when == "" {
		return p.used
	}
	older := semver.IsValid("v"+p.version) && semver.Compare("v"+p.version, "v"+version) < 0
	return !p.used || older == (when == "before")
}
