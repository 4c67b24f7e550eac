package simulate

import (
	"fmt"
	"math"

	"nestbed/harness/idmap"
)

// The most that a Lab may have, so that a forecast takes a moment.
const (
	MaxMembers = 1000
	MaxChains  = 100_000
)

// FirstID is where the ids of a member's root begin, as in the article.
const FirstID = 500000

// IDs is how many ids on end a member's root has to have for so many chains at a time: the first block no isolated container gets, and LXD wants one id
// more than they have (idmap.Isolate).
func IDs(depth, chains int) uint64 {
	return idmap.Block + uint64(chains)*uint64(idmap.Needed(depth)) + 1
}

// Lab is members of a cluster that are alike, and the chains that they are to build, a number of them at a time.
type Lab struct {
	Members int `json:"members"` // 1 to MaxMembers
	Chains  int `json:"chains"`  // 1 to MaxChains
	// Processors are those of each member and RunnerProcessors those where nestbed runs, as fast as those of the Cost; a part of one will do.
	Processors       float64 `json:"processors"`
	RunnerProcessors float64 `json:"runner_processors"`
	// AtOnce is how many chains a member has at a time.
	AtOnce int `json:"at_once"`
	// MemoryMB and DiskMB are what each member has for LXD and chains; 0: enough.
	MemoryMB float64 `json:"memory_mb,omitempty"`
	DiskMB   float64 `json:"disk_mb,omitempty"`
}

// Validate names what is out of range.
func (l Lab) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
		least float64
		most  float64
	}{
		{"members", float64(l.Members), 1, MaxMembers},
		{"chains", float64(l.Chains), 1, MaxChains},
		{"processors", l.Processors, 0.01, 10_000},
		{"runner-processors", l.RunnerProcessors, 0.01, 10_000},
		{"at-once", float64(l.AtOnce), 1, MaxChains},
		{"memory", l.MemoryMB, 0, math.MaxFloat64},
		{"disk", l.DiskMB, 0, math.MaxFloat64},
	} {
		if !(f.value >= f.least && f.value <= f.most) { // NaN is in no range
			return fmt.Errorf("%s: %v is out of range; it is %v to %v", f.name, f.value, f.least, f.most)
		}
	}
	return nil
}

// fit is how many chains a member has at a time, as its memory, its disk and the ids that there are allow, and what keeps it from more.
func (l Lab) fit(c Cost) (n int, kept string, err error) {
	n, kept = l.AtOnce, KeptByAtOnce
	for _, r := range []struct {
		name string
		has  float64 // 0: enough
		of   func(chains int) float64
	}{
		{"memory", l.MemoryMB, c.memory},
		{"disk", l.DiskMB, func(chains int) float64 { return c.IdleDiskMB + float64(chains)*l.diskOf(c) }},
		{"ids", math.MaxUint32 - FirstID, func(chains int) float64 { return float64(IDs(c.Depth, chains)) }},
	} {
		if r.has == 0 {
			continue
		}
		if one := r.of(1); one > r.has {
			return 0, "", fmt.Errorf("%s: a member has %.0f MB, and a chain of depth %d and LXD take %.0f; give it more", r.name, r.has, c.Depth, math.Ceil(one))
		}
		for ; r.of(n) > r.has; n-- {
			kept = r.name
		}
	}
	return n, kept, nil
}
