package scenarios_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// proofCase is a chain with arbitrary files and configurations at every level.
type proofCase struct {
	noShadow bool // newuidmap is not installed on the host
	bare     bool // nor at any level
	remaps   bool // the host's LXD cannot mount idmapped
	host     idmap.Delegation
	spec     harness.Spec
}

// hostWith is a host that is only planned with, not made.
func (c proofCase) hostWith(b *bundle.Bundle) *host.Host {
	return &host.Host{Delegation: c.host, Bundle: b, Map: idmap.Identity(), Remaps: c.remaps}
}

// genCase draws a case. The LXDs above the last one mostly have what they need:
// otherwise hardly a chain would get past its first level.
func genCase(b, noShadow *bundle.Bundle, remaps bool) *rapid.Generator[proofCase] {
	return rapid.Custom(func(t *rapid.T) proofCase {
		c := proofCase{bare: rapid.Bool().Draw(t, "bare"), remaps: remaps}
		c.noShadow = c.bare && rapid.Bool().Draw(t, "noShadow")
		used, inLevels := b, b
		if c.noShadow {
			used = noShadow
		}
		if c.bare {
			inLevels = noShadow
		}
		depth := rapid.SampledFrom([]int{1, 1, 2, 2, 2, 3}).Draw(t, "depth")
		holed := rapid.IntRange(0, 7).Draw(t, "holed") == 0
		if holed {
			depth = max(2, depth)
		}
		supply := run{count: 2000000, whole: true}
		for level := 1; level <= depth; level++ { // what makes the level, and its configuration
			about := plain
			if level == depth || rapid.IntRange(0, 5).Draw(t, "wild above") == 0 {
				about = rapid.SampledFrom([]subject{files, files, files, ranges, ranges, byDefault, byDefault, isolated, isolated, rawIDMap, rawIDMap, settings}).Draw(t, "subject")
			}
			switch {
			case holed && level == 1:
				about = pieces
			case holed && level == 2:
				about = byDefault // it has to choose among the pieces
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
				break // what lies below is never reached
			}
			supply = largestRun(plan.Levels[level-1].Map.UID)
		}
		return c
	})
}

// subject is what is out of the ordinary about one LXD and the container that it makes.
type subject int

const (
	plain     subject = iota // nothing
	files                    // what the files say
	ranges                   // which ids they give
	byDefault                // that they give none
	isolated                 // the container has ids of its own
	rawIDMap                 // its map has holes
	settings                 // keys that are wrong, or without effect
	pieces                   // the container's ids are in pieces, each with enough for another
)

func (s subject) draw(t *rapid.T, supply run) (idmap.Delegation, map[string]string) {
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

// run is where a level's ids are.
type run struct {
	from, count int64
	whole       bool // a host's: all there are
}

func largestRun(mappings []idmap.Mapping) run {
	largest := slices.MaxFunc(mappings, func(a, b idmap.Mapping) int { return int(int64(a.Count) - int64(b.Count)) })
	return run{from: int64(largest.Inside), count: int64(largest.Count)}
}

// enough is start:count with a block at least, and more where there is more.
func (r run) enough(t *rapid.T) string {
	if r.whole {
		counts := []int64{131072, 131073, 165536, 165537, 196608, 262144, 1131073}
		return fmt.Sprintf("500000:%d", rapid.SampledFrom(counts).Draw(t, "enough"))
	}
	if r.count < 2*idmap.Block {
		return fmt.Sprintf("%d:%d", r.from, max(r.count, idmap.Block)) // too few to keep some
	}
	return fmt.Sprintf("%d:%d", r.from+idmap.Block, r.count-idmap.Block)
}

func drawFile(t *rapid.T, supply run) idmap.File {
	if rapid.IntRange(0, 11).Draw(t, "missing") == 0 {
		return idmap.File{Missing: true}
	}
	line := rapid.Custom(func(t *rapid.T) string { return drawLine(t, supply) })
	lines := rapid.SliceOfN(line, 1, 3).Draw(t, "lines")
	if rapid.IntRange(0, 2).Draw(t, "and a good one") > 0 {
		lines = append(lines, "root:"+supply.enough(t))
	}
	end := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n"}).Draw(t, "end")
	return idmap.File{Text: strings.Join(lines, end) + end}
}

// drawLine draws a line of a subid file, well made or not.
func drawLine(t *rapid.T, supply run) string {
	good := drawRange(t, supply)
	return rapid.SampledFrom([]string{
		"root:" + good, "root:" + good, "root:" + good, "root:" + good,
		"lxd:" + good, "ROOT:" + good, "0:" + good,
		"root:" + good + ":more", "root:" + good + "#comment", "root:" + good + " # comment", "# root:" + good, "",
		"root: " + good, "root:+" + good, "root:0x" + good, "root:0" + good, "root:" + good + " ",
		"root:4294967296:65536", "root:0:0", "root:x:65536", "bin:x:y",
		"root:5", "root", " ",
	}).Draw(t, "line")
}

// drawRange draws start:count at and around the edges that matter.
func drawRange(t *rapid.T, supply run) string {
	near := func(of ...int64) []int64 {
		var all []int64
		for _, v := range of {
			all = append(all, v, v, v, v-1, v+1)
		}
		return slices.DeleteFunc(all, func(v int64) bool { return v < 0 || v > 1<<32-1 })
	}
	var start, count int64
	end := supply.from + supply.count
	if supply.whole {
		// Not 0: level 1 would have the root of the machine.
		start = rapid.SampledFrom([]int64{500000, 500000, 500000, 65536, 100000, 1000000, 4294770687, 4294901758}).Draw(t, "start")
		count = rapid.SampledFrom(near(65536, 131072, 165536, 196608, 262144, 1131072)).Draw(t, "count")
		return fmt.Sprintf("%d:%d", start, count)
	}
	start = rapid.SampledFrom(append(near(65536, end-65536), 65536, 65536, 0, 1, 1000, 100000)).Draw(t, "start")
	count = rapid.SampledFrom(append(near(65536, end-start, end-start), 131072, supply.count)).Draw(t, "count")
	return fmt.Sprintf("%d:%d", start, max(0, count))
}

// drawIsolated draws an isolated container around the edge of what its LXD has.
func drawIsolated(t *rapid.T, supply run) (idmap.Delegation, map[string]string) {
	config := map[string]string{idmap.KeyIsolated: rapid.SampledFrom([]string{"true", "1", "YES", "on"}).Draw(t, "isolated")}
	start, room := int64(500000), int64(400000)
	if !supply.whole {
		start = supply.from + rapid.SampledFrom([]int64{0, idmap.Block}).Draw(t, "start")
		room = supply.from + supply.count - start
	}
	size := rapid.SampledFrom([]int64{65536, 65536, 65536, 70000, 1000}).Draw(t, "size")
	count := size + idmap.Block + rapid.SampledFrom([]int64{-1, 0, 0, 1, 1, 65536}).Draw(t, "spare")
	if !supply.whole {
		count = min(count, max(room, idmap.Block))
	}
	if size != idmap.Block || rapid.Bool().Draw(t, "sized") {
		config[idmap.KeySize] = fmt.Sprint(size)
	}
	if rapid.IntRange(0, 4).Draw(t, "based") == 0 {
		config[idmap.KeyBase] = fmt.Sprint(rapid.SampledFrom([]int64{65536, start + 65536, start + count - size, start + count}).Draw(t, "base"))
	}
	d := idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: uint32(start), Count: uint32(count)})
	if rapid.IntRange(0, 4).Draw(t, "other gids") == 0 {
		d.GID = idmap.File{Text: "root:" + drawRange(t, supply) + "\n"}
	}
	return d, config
}

// drawSetting draws keys that are refused, or do nothing.
func drawSetting(t *rapid.T) map[string]string {
	key := rapid.SampledFrom([]string{idmap.KeyIsolated, idmap.KeySize, idmap.KeyBase}).Draw(t, "key")
	return map[string]string{key: rapid.SampledFrom([]string{"0", "off", "65536", "maybe", "-1", "4294967296", "0x10"}).Draw(t, "value")}
}

// drawRaw draws a raw.idmap around the edges of the allocation.
func drawRaw(t *rapid.T, line string) map[string]string {
	a, err := idmap.ParseAllocation(strings.TrimSpace(line))
	if err != nil {
		panic(err)
	}
	start, end := int64(a.Start), int64(a.Start)+int64(a.Count)
	raw := rapid.Custom(func(t *rapid.T) string {
		kind := rapid.SampledFrom([]string{"both", "both", "both", "uid", "gid", "both", "uids"}).Draw(t, "kind")
		parent := rapid.SampledFrom([]int64{1000, 1000, 1000, 2000, 1010, 1<<32 + 1000, start, end - 1, end, end + 1000}).Draw(t, "parent")
		inside := rapid.SampledFrom([]int64{1000, 1000, 1005, 0, 2000, 65535, end - start - 1, end - start, 200000, 1}).Draw(t, "inside")
		size := rapid.SampledFrom([]int64{1, 1, 1, 2, 10}).Draw(t, "size")
		if size == 1 {
			return fmt.Sprintf("%s %d %d", kind, parent, inside)
		}
		other := size
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			other++
		}
		return fmt.Sprintf("%s %d-%d %d-%d", kind, parent, parent+size-1, inside, inside+other-1)
	})
	return map[string]string{idmap.KeyRaw: strings.Join(rapid.SliceOfN(raw, 1, 3).Draw(t, "raw"), "\n")}
}
