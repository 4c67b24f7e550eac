package scenarios_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
)

// shrinks limits how many simpler chains are built after one contradicts the plan.
const shrinks = 60

// shrink removes parts of the case as long as it contradicts the plan.
func (c randomCase) shrink(t *testing.T, b *bundle.Bundle, contradiction error) (randomCase, error) {
	t.Helper()
	for tries := 0; tries < shrinks; {
		found := false
		for _, change := range c.changes() {
			tries++
			simpler := c.clone()
			change(&simpler)
			if _, err := simpler.try(harnesstest.Context(t), t, b); err != nil {
				c, contradiction, found = simpler, err, true
				break
			}
		}
		if !found {
			break
		}
	}
	return c, contradiction
}

func (c randomCase) clone() randomCase {
	c.spec.Levels = slices.Clone(c.spec.Levels)
	for i, l := range c.spec.Levels {
		c.spec.Levels[i].Config = maps.Clone(l.Config)
		if l.Delegation != nil {
			d := *l.Delegation
			c.spec.Levels[i].Delegation = &d
		}
	}
	return c
}

// delegation returns the delegation of a level, 0 for the host; nil if it has none.
func (c *randomCase) delegation(level int) *idmap.Delegation {
	if level == 0 {
		return &c.host
	}
	return c.spec.Levels[level-1].Delegation
}

// A change makes a case simpler.
type change func(*randomCase)

// changes returns all ways to remove one part of the case.
func (c randomCase) changes() []change {
	var all []change
	if last := len(c.spec.Levels) - 1; last > 0 {
		all = append(all, func(n *randomCase) {
			n.spec.Levels = n.spec.Levels[:last]
			n.spec.Levels[last-1].Delegation = nil
		})
	}
	for level := range len(c.spec.Levels) + 1 {
		if d := c.delegation(level); d != nil {
			all = append(all, fileChanges(level, *d)...)
		}
		if level > 0 {
			all = append(all, configChanges(level, c.spec.Levels[level-1].Config)...)
		}
	}
	return all
}

func fileChanges(level int, d idmap.Delegation) []change {
	simpler := []idmap.Delegation{{UID: d.UID, GID: d.UID}, {UID: d.GID, GID: d.GID}, {UID: withLF(d.UID), GID: withLF(d.GID)}}
	for i := range max(lines(d.UID), lines(d.GID)) {
		uid, gid := withoutLine(d.UID, i), withoutLine(d.GID, i)
		simpler = append(simpler, idmap.Delegation{UID: uid, GID: gid}, idmap.Delegation{UID: uid, GID: d.GID}, idmap.Delegation{UID: d.UID, GID: gid})
	}
	var all []change
	for _, s := range simpler {
		if s != d {
			all = append(all, func(n *randomCase) { *n.delegation(level) = s })
		}
	}
	return all
}

func configChanges(level int, config map[string]string) []change {
	var all []change
	for key := range config {
		all = append(all, func(n *randomCase) { delete(n.spec.Levels[level-1].Config, key) })
	}
	raw := strings.Split(config[idmap.KeyRaw], "\n")
	for i := range raw {
		fewer := strings.Join(slices.Delete(slices.Clone(raw), i, i+1), "\n")
		if len(raw) > 1 {
			all = append(all, func(n *randomCase) { n.spec.Levels[level-1].Config[idmap.KeyRaw] = fewer })
		}
	}
	return all
}

func withLF(f idmap.File) idmap.File {
	f.Text = strings.ReplaceAll(f.Text, "\r\n", "\n")
	return f
}

func lines(f idmap.File) int { return strings.Count(f.Text, "\n") }

func withoutLine(f idmap.File, i int) idmap.File {
	if i < lines(f) {
		f.Text = strings.Join(slices.Delete(strings.SplitAfter(f.Text, "\n"), i, i+1), "")
	}
	return f
}
