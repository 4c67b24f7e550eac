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
	noShadow bool // newuidmap is installed nowhere
	remaps   bool // the host's LXD cannot mount idmapped
	host     idmap.Delegation
	spec     harness.Spec
}

// hostWith is a host that is only planned with, not made.
func (c proofCase) hostWith(b *bundle.Bundle) *host.Host {
	return &host.Host{Delegation: c.host, Bundle: b, Map: idmap.Identity(), Remaps: c.remaps}
}

// genCase draws a case. Most of what is drawn for a level fits what the plan says
// that the level has: otherwise hardly a chain would get past its first level.
func genCase(b, noShadow *bundle.Bundle, remaps bool) *rapid.Generator[proofCase] {
	return rapid.Custom(func(t *rapid.T) proofCase {
		c := proofCase{noShadow: rapid.Bool().Draw(t, "noShadow"), remaps: remaps}
		used := b
		if c.noShadow {
			used = noShadow
		}
		depth := rapid.SampledFrom([]int{1, 1, 2, 2, 2, 3}).Draw(t, "depth")
		supply := run{from: 1000000, count: 2000000, whole: true}
		c.host = drawDelegation(t, supply)
		for level := 1; level <= depth; level++ {
			l := harness.LevelSpec{Config: drawConfig(t, supply)}
			c.spec.Levels = append(c.spec.Levels, l)
			plan := c.spec.Plan(c.hostWith(used))
			if plan.Stop != nil {
				break // what lies below is never reached
			}
			if level == depth {
				break
			}
			supply = firstRun(plan.Levels[level-1].Map.UID)
			d := drawDelegation(t, supply)
			c.spec.Levels[level-1].Delegation = &d
		}
		return c
	})
}

// run is where a level's ids are.
type run struct {
	from, count int64
	whole       bool // a host: there is more beyond
}

func firstRun(mappings []idmap.Mapping) run {
	largest := slices.MaxFunc(mappings, func(a, b idmap.Mapping) int { return int(int64(a.Count) - int64(b.Count)) })
	return run{from: int64(largest.Inside), count: int64(largest.Count)}
}

// drawDelegation draws both files, mostly equal.
func drawDelegation(t *rapid.T, supply run) idmap.Delegation {
	uid := drawFile(t, supply)
	if rapid.IntRange(0, 9).Draw(t, "same") < 6 {
		return idmap.Delegation{UID: uid, GID: uid}
	}
	return idmap.Delegation{UID: uid, GID: drawFile(t, supply)}
}

func drawFile(t *rapid.T, supply run) idmap.File {
	switch kind := rapid.IntRange(0, 19).Draw(t, "file"); {
	case kind == 0:
		return idmap.File{Missing: true}
	case kind == 1:
		return idmap.File{}
	case kind < 14:
		return idmap.File{Text: "root:" + drawRange(t, supply) + "\n"}
	}
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawLine(t, supply) }), 1, 4).Draw(t, "lines")
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

// drawConfig draws the configuration of a container made from the given ids.
func drawConfig(t *rapid.T, supply run) map[string]string {
	config := map[string]string{}
	start := supply.from
	if supply.whole {
		start = 500000
	}
	end := start + min(supply.count, 196608)
	number := func(name string, values ...int64) string {
		return fmt.Sprint(max(0, rapid.SampledFrom(values).Draw(t, name)))
	}
	switch kind := rapid.IntRange(0, 19).Draw(t, "config"); {
	case kind < 11:
	case kind < 14:
		config[idmap.KeyIsolated] = rapid.SampledFrom([]string{"true", "1", "YES", "on"}).Draw(t, "isolated")
		if rapid.Bool().Draw(t, "sized") {
			config[idmap.KeySize] = number("size", 65535, 65536, 65537, 131071, 131072, supply.count-65536, supply.count-65535, 1000)
		}
		if rapid.IntRange(0, 3).Draw(t, "based") == 0 {
			config[idmap.KeyBase] = number("base", 65536, start+65536, start+131072, end-65536, end)
		}
	case kind == 14:
		config[idmap.KeySize] = number("size", 65536, 1000)
	case kind == 15:
		key := rapid.SampledFrom([]string{idmap.KeyIsolated, idmap.KeySize, idmap.KeyBase}).Draw(t, "key")
		config[key] = rapid.SampledFrom([]string{"maybe", "-1", "4294967296", "0x10", "1.5"}).Draw(t, "value")
	default:
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return drawRawLine(t, start, end) }), 1, 3).Draw(t, "raw")
		config[idmap.KeyRaw] = strings.Join(lines, "\n")
	}
	return config
}

func drawRawLine(t *rapid.T, start, end int64) string {
	kind := rapid.SampledFrom([]string{"both", "both", "both", "uid", "gid", "both", "uids"}).Draw(t, "kind")
	parent := rapid.SampledFrom([]int64{1000, 1000, 1000, 2000, 1010, start, end - 1, end, end + 1000}).Draw(t, "parent")
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
}
