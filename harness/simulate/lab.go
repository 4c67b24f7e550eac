package simulate

import (
	"fmt"
	"math"

	"nestbed/harness/idmap"
)

// These limits keep a forecast fast.
const (
	MaxMembers = 1000
	MaxChains  = 100_000
)

// FirstID is the first id of a member's root, as in the article.
const FirstID = 500000

// IDs returns the number of consecutive ids that a member's root needs for the given number of
// chains at a time. Isolated containers do not get the first block, and LXD needs one id more
// than they use (see idmap.Isolate).
func IDs(depth, chains int) uint64 {
	return idmap.Block + uint64(chains)*uint64(idmap.Needed(depth)) + 1
}

// A Lab is a number of equal cluster members, and the chains to build on them.
type Lab struct {
	Members int `json:"members"` // 1 to MaxMembers
	Chains  int `json:"chains"`  // 1 to MaxChains
	// Processors is the number per member, RunnerProcessors the number where nestbed runs. Both
	// are as fast as those of the Cost and need not be whole numbers.
	Processors       float64 `json:"processors"`
	RunnerProcessors float64 `json:"runner_processors"`
	// AtOnce is the maximum number of chains of a member at a time.
	AtOnce int `json:"at_once"`
	// MemoryMB and DiskMB are what each member has for LXD and chains; 0 means enough.
	MemoryMB float64 `json:"memory_mb,omitempty"`
	DiskMB   float64 `json:"disk_mb,omitempty"`
}

// Validate returns an error about the first value that is out of range.
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
		if !(f.value >= f.least && f.value <= f.most) { // also true for NaN
			return fmt.Errorf("%s: %v is out of range; it is %v to %v", f.name, f.value, f.least, f.most)
		}
	}
	return nil
}

// fit returns the number of chains of a member at a time that its memory, disk and ids permit,
// and the resource that limits it.
func (l Lab) fit(c Cost) (n int, limit string, err error) {
	n, limit = l.AtOnce, LimitedByAtOnce
	for _, r := range []struct {
		name string
		has  float64 // 0 means enough
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
			return 0, "", fmt.Errorf("%s: a member has %.0f MB, but LXD and a chain of depth %d need %.0f; give it more", r.name, r.has, c.Depth, math.Ceil(one))
		}
		for ; r.of(n) > r.has; n-- {
			limit = r.name
		}
	}
	return n, limit, nil
}
