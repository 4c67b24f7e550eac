package scenarios_test

import (
	"fmt"

	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// A randomCase is a chain with arbitrary subid files and configurations at every level.
type randomCase struct {
	noShadow         bool // newuidmap is not installed on the host
	noShadowInLevels bool // newuidmap is not installed at any level
	remaps           bool // the host's LXD cannot mount idmapped
	host             idmap.Delegation
	spec             harness.Spec
}

// hostWith returns the traits of a planned host. It starts none.
func (c randomCase) hostWith(b *bundle.Bundle) host.Traits {
	return host.Traits{Delegation: c.host, Bundle: b, Daemon: b, Map: idmap.Identity(), Remaps: c.remaps}
}

// genCase returns a generator of cases. Most levels above the last one get what they need:
// otherwise hardly any chain would get past level 1.
func genCase(b, noShadow *bundle.Bundle, remaps bool) *rapid.Generator[randomCase] {
	return rapid.Custom(func(t *rapid.T) randomCase {
		c := randomCase{noShadowInLevels: rapid.Bool().Draw(t, "bare"), remaps: remaps}
		c.noShadow = c.noShadowInLevels && rapid.Bool().Draw(t, "noShadow")
		used, inLevels := b, b
		if c.noShadow {
			used = noShadow
		}
		if c.noShadowInLevels {
			inLevels = noShadow
		}
		depth := rapid.SampledFrom([]int{1, 1, 2, 2, 2, 3}).Draw(t, "depth")
		holed := rapid.IntRange(0, 7).Draw(t, "holed") == 0
		if holed {
			depth = max(2, depth)
		}
		supply := idRange{count: 2000000, whole: true}
		for level := 1; level <= depth; level++ { // the LXD that makes the level, and the level's configuration
			about := plain
			if level == depth || rapid.IntRange(0, 5).Draw(t, "wild above") == 0 {
				about = rapid.SampledFrom([]subject{files, files, files, ranges, ranges, byDefault, byDefault, isolated, isolated, rawIDMap, rawIDMap, settings}).Draw(t, "subject")
			}
			switch {
			case holed && level == 1:
				about = pieces
			case holed && level == 2:
				about = byDefault // LXD has to choose among the pieces
			}
			d, config := about.draw(t, supply)
			if level == 1 {
				c.host = d
			} else {
				c.spec.Levels[level-2].Delegation = &d
			}
			c.spec.Levels = append(c.spec.Levels, harness.LevelSpec{Config: config, Bundle: inLevels})
			plan := c.spec.Plan(c.hostWith(used))
			if plan.Stop != nil {
				break // levels below are never built
			}
			supply = largestRange(plan.Levels[level-1].Map.UID)
		}
		return c
	})
}

// A subject says what is unusual about one LXD and the container that it makes.
type subject int

const (
	plain     subject = iota // nothing
	files                    // the syntax of the subid files
	ranges                   // the ids that the files give
	byDefault                // the files give no ids
	isolated                 // the container is isolated
	rawIDMap                 // the container's map has holes
	settings                 // configuration keys are wrong or have no effect
	pieces                   // the container's ids are in pieces, each large enough for a container in it
)

func (s subject) draw(t *rapid.T, supply idRange) (idmap.Delegation, map[string]string) {
	good := idmap.File{Text: "root:" + supply.enough(t) + "\n"}
	both := func(f idmap.File) idmap.Delegation { return idmap.Delegation{UID: f, GID: f} }
	apart := func(draw func() idmap.File) idmap.Delegation {
		d := both(draw())
		if rapid.IntRange(0, 2).Draw(t, "apart") == 0 {
			d.GID = draw()
		}
		return d
	}
	switch s {
	case plain:
		return both(good), nil
	case files:
		return apart(func() idmap.File { return drawFile(t, supply) }), nil
	case ranges:
		return apart(func() idmap.File { return idmap.File{Text: "root:" + drawRange(t, supply) + "\n"} }), nil
	case byDefault:
		d := both(rapid.SampledFrom([]idmap.File{{}, {Missing: true}, {Text: "lxd:1:2\n"}, {Text: "0:500000:65536\n"}}).Draw(t, "none"))
		if rapid.IntRange(0, 3).Draw(t, "one") == 0 {
			d.GID = good
		}
		return d, nil
	case isolated:
		return drawIsolated(t, supply)
	case rawIDMap:
		return both(good), drawRaw(t, good.Text)
	case pieces:
		hole := rapid.SampledFrom([]int{131071, 131072, 140000, 165536, 165537, 300000, 1000000}).Draw(t, "hole")
		wide := idmap.File{Text: fmt.Sprintf("root:500000:%d\n", rapid.SampledFrom([]int{262144, 400000, 1200000, 2131073}).Draw(t, "wide"))}
		return both(wide), map[string]string{idmap.KeyRaw: fmt.Sprintf("both 1000 %d", hole)}
	default:
		return both(good), drawSetting(t)
	}
}
