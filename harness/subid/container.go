package subid

import (
	"fmt"
	"strconv"

	"nestbed/harness/idmap"
)

// volatileBase is the key with the base that LXD has chosen for an isolated container.
const volatileBase = "volatile.idmap.base"

// Container returns what keeps a container with this configuration from starting with these files,
// or surprises. The problems of the files themselves are left out.
func (f Files) Container(config map[string]string) []Problem {
	d := f.Daemon
	d.Config = config
	choice := d.Choose(f.Own)
	problem := func(works bool, key, text, fix string) []Problem {
		return []Problem{{Files: []string{key}, Works: works, Text: text, Fix: fix}}
	}
	if p := f.oldBase(choice, config); p != nil {
		return p
	}
	plan := idmap.Layout{Host: f.Own, Daemons: []idmap.Daemon{d}}.Plan()
	if plan.Stop == nil || choice.Reason != idmap.None {
		return nil
	}
	switch plan.Stop.Reason {
	case idmap.RawIDMapMalformed:
		return problem(false, idmap.KeyRaw, "it has a line that "+f.program()+" does not read", "write each line as \"both|uid|gid HOST-ID CONTAINER-ID\", with one space between")
	case idmap.RawIDMapOverlaps:
		return problem(false, idmap.KeyRaw, "it names an id of the range that containers get anyway, and "+f.program()+" refuses that", "choose a range for root without that id, in both files, or remove the line")
	case idmap.IsolatedExhausted:
		return problem(false, idmap.KeyIsolated, fmt.Sprintf("isolated containers do not get the first %d ids, and the rest of the allocation is too small", idmap.Block),
			fmt.Sprintf("give root %d ids more in both files, or set a smaller %s", idmap.Block, idmap.KeySize))
	case idmap.ShadowRefused:
		if lines := f.wantedByRaw(config); len(lines) > 0 {
			return lines
		}
	}
	return problem(false, "configuration", fmt.Sprintf("it stops at %s", plan.Stop), "nestbed explain says more about the error of the daemon")
}

// oldBase returns the problem of an isolated container that has kept its ids from before: LXD then
// takes its base, 0 or of an earlier allocation, for the next ones (lxc/incus#1659).
func (f Files) oldBase(choice idmap.Choice, config map[string]string) []Problem {
	base, err := strconv.ParseUint(config[volatileBase], 10, 32)
	if err != nil || config[idmap.KeyIsolated] != "true" || len(choice.Map.UID) == 0 || base >= uint64(choice.Map.UID[0].Parent) {
		return nil
	}
	return []Problem{{
		Files: []string{volatileBase},
		Text:  fmt.Sprintf("the container was made before it was isolated, or with another allocation: its base %d lies below %d, where the ids of containers begin", base, choice.Map.UID[0].Parent),
		Fix:   "make it again: copy the container, and delete the original",
	}}
}

// wantedByRaw returns the lines that newuidmap needs for the ids of raw.idmap.
func (f Files) wantedByRaw(config map[string]string) []Problem {
	raw, _ := idmap.Daemon{Flavor: f.Daemon.Flavor, Config: map[string]string{idmap.KeyRaw: config[idmap.KeyRaw]}}.Container(idmap.Map{}, nil)
	var all []Problem
	for i, s := range f.sides() {
		for _, m := range [2][]idmap.Mapping{raw.UID, raw.GID}[i] {
			if !f.Daemon.Shadow.Grants(s.file, []idmap.Mapping{m}) {
				all = append(all, Problem{
					Files: []string{s.path}, Text: fmt.Sprintf("raw.idmap names ids from %d on, which newuidmap does not grant root", m.Parent),
					Fix: fmt.Sprintf("write the line %s after the others, and restart %s", idmap.Allocation{Owner: idmap.Root, Start: m.Parent, Count: m.Count}, f.program()),
				})
			}
		}
	}
	return merged(all)
}
