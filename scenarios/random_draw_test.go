package scenarios_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// An idRange is a range of ids that a level has.
type idRange struct {
	from, count int64
	whole       bool // all ids, as on a host
}

func largestRange(mappings []idmap.Mapping) idRange {
	largest := slices.MaxFunc(mappings, func(a, b idmap.Mapping) int { return int(int64(a.Count) - int64(b.Count)) })
	return idRange{from: int64(largest.Inside), count: int64(largest.Count), whole: largest.Count == idmap.MaxID+1}
}

// enough returns start:count with at least one block, and more if the range has more.
func (r idRange) enough(t *rapid.T) string {
	if r.whole {
		counts := []int64{131072, 131073, 165536, 165537, 196608, 262144, 1131073}
		return fmt.Sprintf("500000:%d", rapid.SampledFrom(counts).Draw(t, "enough"))
	}
	if r.count < 2*idmap.Block {
		return fmt.Sprintf("%d:%d", r.from, max(r.count, idmap.Block)) // too few to leave some out
	}
	return fmt.Sprintf("%d:%d", r.from+idmap.Block, r.count-idmap.Block)
}

func drawFile(t *rapid.T, supply idRange) idmap.File {
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

// drawLine draws a line of a subid file, valid or not.
func drawLine(t *rapid.T, supply idRange) string {
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

// drawRange draws start:count at or near the limits that matter.
func drawRange(t *rapid.T, supply idRange) string {
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
		// Never 0: level 1 would get the machine's root.
		start = rapid.SampledFrom([]int64{500000, 500000, 500000, 65536, 100000, 1000000, 4294770687, 4294901758}).Draw(t, "start")
		count = rapid.SampledFrom(near(65536, 131072, 165536, 196608, 262144, 1131072)).Draw(t, "count")
		return fmt.Sprintf("%d:%d", start, count)
	}
	start = rapid.SampledFrom(append(near(65536, end-65536), 65536, 65536, 0, 1, 1000, 100000)).Draw(t, "start")
	count = rapid.SampledFrom(append(near(65536, end-start, end-start), 131072, supply.count)).Draw(t, "count")
	return fmt.Sprintf("%d:%d", start, max(0, count))
}

// drawIsolated draws an isolated container whose size is near the limit of its LXD's ids.
func drawIsolated(t *rapid.T, supply idRange) (idmap.Delegation, map[string]string) {
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

// drawSetting draws configuration keys that LXD refuses or that have no effect.
func drawSetting(t *rapid.T) map[string]string {
	if rapid.Bool().Draw(t, "flag") {
		key := rapid.SampledFrom([]string{idmap.KeyPrivileged, idmap.KeyNesting}).Draw(t, "key")
		return map[string]string{key: rapid.SampledFrom([]string{"true", "yes", "1", "false", "", "maybe"}).Draw(t, "value")}
	}
	key := rapid.SampledFrom([]string{idmap.KeyIsolated, idmap.KeySize, idmap.KeyBase}).Draw(t, "key")
	return map[string]string{key: rapid.SampledFrom([]string{"0", "off", "65536", "maybe", "-1", "4294967296", "0x10"}).Draw(t, "value")}
}

// drawRaw draws a raw.idmap near the limits of the allocation.
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
