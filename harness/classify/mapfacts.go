package classify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/idmap"
)

// newIDMapCall matches how liblxc, and with brackets RootlessKit, report a call of newuidmap: its
// process and the numbers inside, parent and count of each mapping.
var newIDMapCall = regexp.MustCompile(`new([ug])idmap (?:PID|\d+) \[?(\d+(?: \d+){2,})`)

// notAllowed matches newuidmap's refusal of one mapping.
var notAllowed = regexp.MustCompile(`new([ug])idmap: [ug]id range \[(\d+)-(\d+)\) -> \[(\d+)-(\d+)\) not allowed`)

// call returns the mappings of the first call of newuidmap in a text, and where it ends. tooLarge
// is a number that is no id.
func call(text string) (m []idmap.Mapping, tooLarge string, end int) {
	at := newIDMapCall.FindStringSubmatchIndex(text)
	if at == nil {
		return nil, "", 0
	}
	numbers := strings.Fields(text[at[4]:at[5]])
	for c := range slices.Chunk(numbers[:len(numbers)/3*3], 3) {
		one, err := idmap.ParseMappings(strings.Join(c, " "))
		if err != nil {
			return m, strings.Join(c, " "), at[1]
		}
		m = append(m, one...)
	}
	return m, "", at[1]
}

// studyMap explains a map that the kernel refuses, and corrects the reason by the numbers: a line
// may be cut before the kernel's, or be in another language.
func studyMap(text string, _ input, f *Finding) int {
	m, over, end := call(text)
	if over != "" {
		f.fact("%q has a number that is no id: the last one is %d", over, uint32(idmap.MaxID))
		f.Reason = idmap.MapInvalid
		f.only(tooLarge[0])
		return end
	}
	if m == nil {
		if strings.Contains(text, "overflow detect") {
			f.only(tooLarge[0])
		}
		return 0
	}
	err := idmap.Accept(idmap.Identity().UID, m)
	if err == nil {
		if f.Reason == idmap.MapInvalid && !strings.Contains(text, "Invalid argument") {
			f.Reason, f.What, f.Cause, f.Others = idmap.OutsideParent, whatOutside, outsideParent[0], outsideParent[1:]
		}
		if f.Reason == idmap.OutsideParent {
			for _, p := range m {
				f.fact("the level above must have the ids %d to %d in one line of its own map", p.Parent, p.Parent+(p.Count-1))
			}
		}
		return end
	}
	f.Reason, f.What = idmap.MapInvalid, whatInvalid
	switch whole := sharing(m, func(p idmap.Mapping) bool { return p.Inside == 0 && p.Count >= idmap.Block }); {
	case len(whole) > 1:
		studySeveralLines(whole, f)
	case studyOwnID(m, f), studyHole(m, f):
	default:
		f.fact("%s", strings.TrimPrefix(err.Error(), idmap.ErrInvalidMap.Error()+": "))
		f.only(sameRange[0])
		if strings.Contains(err.Error(), "past the last id") {
			f.only(tooLarge[0])
		}
	}
	return end
}

func sharing(m []idmap.Mapping, is func(idmap.Mapping) bool) (some []idmap.Mapping) {
	for _, p := range m {
		if is(p) {
			some = append(some, p)
		}
	}
	return some
}

func asAllocation(p idmap.Mapping) idmap.Allocation {
	return idmap.Allocation{Owner: idmap.Root, Start: p.Parent, Count: p.Count}
}

// studySeveralLines names the lines of root's that collide, which to keep, and which could be
// one.
func studySeveralLines(m []idmap.Mapping, f *Finding) {
	largest, shared := m[0], m[0].Count
	var lines []string
	for _, p := range m {
		lines = append(lines, asAllocation(p).String())
		shared = min(shared, p.Count)
		if p.Count > largest.Count {
			largest = p
		}
	}
	f.fact("these lines of root's collide: %s", strings.Join(lines, ", "))
	f.fact("each of them would be the ids 0 to %d of the container", shared-1)
	for i, p := range m[1:] {
		if before := m[i]; before.Parent+before.Count == p.Parent {
			joined := uint64(before.Count) + uint64(p.Count)
			if _, err := idmap.ParseAllocation(fmt.Sprintf("root:%d:%d", before.Parent, joined)); err == nil {
				f.fact("%s and %s lie side by side: root:%d:%d is the same ids in one line", asAllocation(before), asAllocation(p), before.Parent, joined)
			}
		}
	}
	keep := func(p idmap.Mapping) string {
		var drop []string
		for _, o := range m {
			if o != p {
				drop = append(drop, "-e '/^"+asAllocation(o).String()+"$/d'")
			}
		}
		return "sed -i " + strings.Join(drop, " ") + " /etc/subuid /etc/subgid && systemctl restart incus"
	}
	var fixes []Fix
	most := "Keep"
	if m[0] != largest {
		fixes = []Fix{do(fmt.Sprintf("With containers from LXD, keep the first line, %s, whose ids they have:", asAllocation(m[0]))), run("Incus", keep(m[0]))}
		most = "Without any, keep"
	}
	fixes = append(fixes, do(fmt.Sprintf("%s %s, which has the most ids:", most, asAllocation(largest))), run("Incus", keep(largest)))
	f.only(severalLines[0], append(fixes, run("", "nestbed check --flavor incus"))...)
}

// studyOwnID looks for a single id of the level above that also lies in a range of the map.
func studyOwnID(m []idmap.Mapping, f *Finding) bool {
	for _, own := range m {
		for _, p := range m {
			if own.Count == 1 && p != own && own.Parent >= p.Parent && own.Parent-p.Parent < p.Count {
				f.fact("id %d, probably the user's own, lies in the user's range %d to %d", own.Parent, p.Parent, p.Parent+(p.Count-1))
				f.Operation = "" // no daemon does this
				f.only(ownID[0])
				return true
			}
		}
	}
	return false
}

// studyHole looks for a single inside id that is also in a range of the map.
func studyHole(m []idmap.Mapping, f *Finding) bool {
	for _, raw := range m {
		for _, p := range m {
			if raw.Count == 1 && p != raw && raw.Inside >= p.Inside && raw.Inside-p.Inside < p.Count {
				f.fact("id %d of the container is in the map twice: as %d and as %d of the level above", raw.Inside, raw.Parent, p.Parent+(raw.Inside-p.Inside))
				f.only(rawHole[0])
				return true
			}
		}
	}
	return false
}

// studyRefused explains which ids newuidmap refuses, and what would grant them.
func studyRefused(text string, in input, f *Finding) int {
	m, over, end := call(text)
	if over != "" {
		f.fact("%q has a number that is no id: the last one is %d", over, uint32(idmap.MaxID))
	}
	if at := notAllowed.FindStringSubmatchIndex(text); at != nil {
		inside := text[at[4]:at[5]]
		first, ok := number(text[at[8]:at[9]])
		last, ok2 := number(text[at[10]:at[11]])
		if ok && ok2 && last > first && last <= idmap.MaxID+1 {
			if one, err := idmap.ParseMappings(fmt.Sprintf("%s %d %d", inside, first, last-first)); err == nil {
				m = one // the one of the call that is refused
			}
			end = max(end, at[1])
		}
	}
	for _, p := range m {
		studyOneRefused(p, in, f)
	}
	return end
}

func studyOneRefused(p idmap.Mapping, in input, f *Finding) {
	f.fact("newuidmap does not grant root the ids %d to %d", p.Parent, p.Parent+(p.Count-1))
	fixes := grant(uint64(p.Parent), uint64(p.Count))
	if p.Count == 1 {
		f.only(rawNotGranted[0], fixes...)
		return
	}
	usable := slices.DeleteFunc(slices.Clone(in.allocations), func(a idmap.Allocation) bool { return a.Count < idmap.Block })
	below := slices.ContainsFunc(usable, func(a idmap.Allocation) bool { return p.Parent < a.Start })
	blocks := p.Parent / idmap.Block
	switch {
	case p.Parent == 1000000 && p.Count == 1000000000:
		f.fact("1000000 and up is what LXD picks by itself on a host")
	case p.Parent == 100000 && p.Count != idmap.Block:
		f.fact("100000 and up is what LXD picks by itself in a container")
	case p.Count == idmap.Block && p.Parent%idmap.Block == 0 && blocks > 1 && (below || len(usable) == 0):
		f.fact("%d is %d x %d: the base of an isolated container, counted from id 0", p.Parent, blocks, uint32(idmap.Block))
		f.lead(noBaseYet[0])
		f.Others = filesChanged
		if below {
			f.fact("it is below root's allocation")
			return
		}
		f.Others = slices.Concat(filesChanged, notGranted)
		return
	}
	if len(usable) > 0 { // a second line would collide with the first in Incus
		f.fact("the text has another line of root's: %s", usable[0])
		f.lead(filesChanged[0])
		f.Others = notGranted
		return
	}
	f.lead(notGranted[0], slices.Concat([]Fix{do("If the files have no line for root with 65536 ids or more, add it:")}, fixes,
		[]Fix{do("If they have one, restart the daemon. Or remove newuidmap and newgidmap (Debian: package uidmap).")})...)
	f.Others = filesChanged
}
