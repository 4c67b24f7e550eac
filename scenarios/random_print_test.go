package scenarios_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// gherkin returns the case and its plan as a scenario for features/.
func (c randomCase) gherkin(b *bundle.Bundle) string {
	var w strings.Builder
	line := func(indent int, format string, args ...any) {
		fmt.Fprintf(&w, strings.Repeat(" ", indent)+format+"\n", args...)
	}
	line(4, "Scenario: (describe in one line what this shows)")
	line(6, "Given an LXD host without a root allocation")
	writeFiles(line, "the host", c.host)
	switch {
	case c.noShadow:
		line(6, "And newuidmap is installed neither on the host nor at any level")
	case c.noShadowInLevels:
		line(6, "And newuidmap is installed on the host but at no level")
	}
	for i, l := range c.spec.Levels {
		where := fmt.Sprintf("level %d", i+1)
		if l.Delegation != nil {
			writeFiles(line, where, *l.Delegation)
		}
		if len(l.Config) > 0 {
			line(6, "And the configuration of %s is", where)
			line(8, "| key | value |")
			for _, key := range slices.Sorted(maps.Keys(l.Config)) {
				line(8, "| %s | %s |", key, strings.NewReplacer(`\`, `\\`, "|", `\|`, "\n", `\n`).Replace(l.Config[key]))
			}
		}
	}
	line(6, "When a chain of depth %d is built as described", len(c.spec.Levels))
	plan := c.spec.Plan(c.hostWith(b))
	if plan.Stop != nil {
		line(6, "Then the build stops at level %d in operation %q for the reason %q", plan.Stop.Level, plan.Stop.Op, plan.Stop.Reason)
	} else {
		line(6, "Then all %d levels are up", len(plan.Levels))
	}
	if len(plan.Levels) > 0 {
		writeMaps(line, "uid", plan, func(m idmap.Map) []idmap.Mapping { return m.UID })
		writeMaps(line, "gid", plan, func(m idmap.Map) []idmap.Mapping { return m.GID })
	}
	return w.String()
}

func writeFiles(line func(int, string, ...any), where string, d idmap.Delegation) {
	for _, f := range []struct {
		name string
		file idmap.File
	}{{"subuid", d.UID}, {"subgid", d.GID}} {
		if f.file.Missing {
			line(6, "And /etc/%s of %s is missing", f.name, where)
			continue
		}
		text, crlf := f.file.Text, ""
		if strings.Contains(text, "\r\n") {
			text, crlf = strings.ReplaceAll(text, "\r\n", "\n"), " with CR LF at line ends"
		}
		line(6, "And /etc/%s of %s reads%s", f.name, where, crlf)
		line(8, `"""`)
		for l := range strings.Lines(text) {
			line(8, "%s", strings.TrimSuffix(l, "\n"))
		}
		line(8, `"""`)
	}
}

func writeMaps(line func(int, string, ...any), kind string, plan idmap.Plan, of func(idmap.Map) []idmap.Mapping) {
	line(6, "And the %s maps are", kind)
	line(8, "| level | inside | parent | host | count |")
	for _, l := range plan.Levels {
		byInside := func(a, b idmap.Mapping) int { return cmp.Compare(a.Inside, b.Inside) }
		for _, m := range slices.SortedFunc(slices.Values(of(l.Map)), byInside) {
			host, _ := idmap.Up(of(l.Host), m.Inside)
			line(8, "| %d | %d | %d | %d | %d |", l.Level, m.Inside, m.Parent, host, m.Count)
		}
	}
}
