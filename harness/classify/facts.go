package classify

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
)

// fact adds a fact to a finding.
func (f *Finding) fact(format string, args ...any) {
	f.Facts = append(f.Facts, fmt.Sprintf(format, args...))
}

// lead makes a cause the most likely one. Fixes that were computed replace its own.
func (f *Finding) lead(c Cause, fixes ...Fix) {
	all := slices.Concat([]Cause{f.Cause}, f.Others)
	f.Others = slices.DeleteFunc(all, func(o Cause) bool { return o.Cause == c.Cause })
	if len(fixes) > 0 {
		c.Fix = fixes
	}
	f.Cause = c
}

// only makes a cause the only one: the numbers rule out all others.
func (f *Finding) only(c Cause, fixes ...Fix) {
	f.lead(c, fixes...)
	f.Others = nil
}

// number returns a number of any size, or false if it has more than 64 bits.
func number(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// grant returns the commands that add an allocation of root's to the files.
func grant(start, count uint64) []Fix {
	line := fmt.Sprintf("root:%d:%d", start, count)
	if _, err := idmap.ParseAllocation(line); err != nil {
		return nil
	}
	return []Fix{
		run("", "echo "+line+" | tee -a /etc/subuid /etc/subgid"),
		run("LXD", "systemctl restart lxd"), run("Incus", "systemctl restart incus"),
	}
}

var idNumbers = regexp.MustCompile(`(?:change [GU]ID to |ping_group_range\D+\d+\s+|requested |ownership to uid )(\d+)(?:(?::|, gid )(\d+))?`)

// studyID says how many ids a container must have for the ids in the text to exist.
func studyID(text string, _ input, f *Finding) int {
	m := idNumbers.FindStringSubmatchIndex(text)
	if m == nil {
		return 0
	}
	id, ok := number(text[m[2]:m[3]])
	if m[4] >= 0 {
		if gid, ok2 := number(text[m[4]:m[5]]); ok2 {
			id = max(id, gid)
		}
	}
	switch {
	case !ok || id > idmap.MaxID:
		f.fact("%s is no id: the last one is %d", text[m[2]:m[3]], uint32(idmap.MaxID))
	case id < idmap.Block:
		f.fact("id %d exists in a container with %d ids or more; this one, or the user's range, has fewer", id, id+1)
	default:
		f.fact("id %d exists only in a container with %d ids or more; with %d the last is %d", id, id+1, uint32(idmap.Block), uint32(idmap.Block-1))
		if a, err := idmap.ParseAllocation(fmt.Sprintf("root:1000000:%d", id+1)); err == nil {
			f.fact("for a container on the host, root:1000000:%d would be enough", a.Count)
		}
	}
	return m[1]
}

var rawEntry = regexp.MustCompile(`\b(both|uid|gid) (\d+)(?:-(\d+))? (\d+)`)

// studyRawIDMap says which ids of raw.idmap the host's files must grant, or which lie in the
// daemon's range.
func studyRawIDMap(text string, in input, f *Finding) int {
	texts := []string{text}
	for _, i := range in.rawIDMap {
		joined, _ := in.joined(i)
		if i+1 < len(in.lines) {
			joined += "\n" + in.lines[i+1] // YAML has the value on the next line
		}
		texts = append(texts, joined)
	}
	own := in.allocations
	if len(own) == 0 {
		own = []idmap.Allocation{{Owner: idmap.Root, Start: 1000000, Count: 1000000000}}
	}
	seen := map[uint64]bool{}
	for _, t := range texts {
		for _, m := range rawEntry.FindAllStringSubmatch(t, 8) {
			id, ok := number(m[2])
			if !ok || seen[id] {
				continue
			}
			seen[id] = true
			if id > idmap.MaxID {
				f.fact("%d of raw.idmap is no id: the last one is %d", id, uint32(idmap.MaxID))
				continue
			}
			switch a, in := holder(own, id); {
			case f.Reason == idmap.RawIDMapOverlaps && in:
				f.fact("id %d lies in %s, which all containers get", id, a)
			case f.Reason == idmap.ShadowRefused && !in:
				f.fact("newuidmap grants %d only if both files have root:%d:1", id, id)
				f.only(rawNotGranted[0], grant(id, 1)...)
			}
		}
	}
	return 0
}

// holder returns the allocation that has an id.
func holder(all []idmap.Allocation, id uint64) (idmap.Allocation, bool) {
	for _, a := range all {
		if id >= uint64(a.Start) && id <= uint64(a.Last()) {
			return a, true
		}
	}
	return idmap.Allocation{}, false
}

// mostIsolated limits how many isolated containers studyIsolated counts.
const mostIsolated = 64

// studyIsolated counts the isolated containers for which the allocations in the text have ids.
func studyIsolated(_ string, in input, f *Finding) int {
	for _, a := range in.allocations {
		if a.Count < idmap.Block {
			continue
		}
		count := func(flavor idmap.Flavor, ids uint32) (n int) {
			chosen := idmap.Map{UID: []idmap.Mapping{{Parent: a.Start, Count: ids}}}
			var siblings []idmap.Slot
			for ; n < mostIsolated; n++ {
				base, reason := idmap.Isolate(chosen, idmap.Block, siblings, flavor)
				if reason != idmap.None {
					break
				}
				siblings = append(siblings, idmap.Slot{Base: base, Count: idmap.Block})
			}
			return n
		}
		lxdRoom, incusRoom := count(idmap.LXD, a.Count), count(idmap.Incus, a.Count)
		if lxdRoom == mostIsolated {
			continue
		}
		f.fact("%s has room for isolated containers: %d with LXD, %d with Incus since 6.7", a, lxdRoom, incusRoom)
		if more := uint64(a.Count) + 1; lxdRoom < incusRoom && uint64(a.Start)+more <= idmap.MaxID+1 {
			f.fact("with one id more, root:%d:%d, LXD has room for %d", a.Start, more, count(idmap.LXD, uint32(more)))
		}
	}
	return 0
}

// studyAllocations says which allocations in the text are too small.
func studyAllocations(_ string, in input, f *Finding) int {
	small := 0
	for _, a := range in.allocations {
		if a.Count < idmap.Block {
			small++
			f.fact("%s has %d ids; LXD and Incus skip a line with fewer than %d", a, a.Count, uint32(idmap.Block))
		}
	}
	if len(in.allocations) > small {
		f.fact("the files in the text have a line that is large enough: %s", firstLarge(in.allocations))
		f.lead(noIDsInALevel[0])
	}
	return 0
}

func firstLarge(all []idmap.Allocation) string {
	i := slices.IndexFunc(all, func(a idmap.Allocation) bool { return a.Count >= idmap.Block })
	return strings.TrimSpace(all[i].String())
}
