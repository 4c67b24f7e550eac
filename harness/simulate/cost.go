package simulate

import (
	"fmt"
	"math"

	"nestbed/harness/idmap"
)

// Cost is the measured cost of one chain of the given depth, from its creation until everything
// is removed (see Meter). A MB is 1,000,000 bytes.
type Cost struct {
	// Machine describes the machine and software of the measurement.
	Machine string `json:"machine"`
	Depth   int    `json:"depth"`
	// Loads are measurements with different numbers of chains at a time, in ascending order, on
	// a machine with Processors processors.
	Processors float64 `json:"processors"`
	Loads      []Load  `json:"loads"`
	// MemberCPUSeconds and RunnerCPUSeconds are the processor time per chain on the member and
	// where nestbed runs.
	MemberCPUSeconds float64 `json:"member_cpu_seconds"`
	RunnerCPUSeconds float64 `json:"runner_cpu_seconds"`
	// DiskMB is the disk space of a complete chain on its member. IdleDiskMB and IdleMemoryMB
	// are the disk space and memory of the member's LXD without chains. ImageMB is the size of
	// the image of level 1. Each cluster member to which LXD copies it keeps it until the chain
	// is removed.
	DiskMB       float64 `json:"disk_mb"`
	IdleMemoryMB float64 `json:"idle_memory_mb"`
	IdleDiskMB   float64 `json:"idle_disk_mb"`
	ImageMB      float64 `json:"image_mb"`
}

// Validate returns an error about the first figure that cannot be a measurement. Only the idle
// figures may be 0.
func (c Cost) Validate() error {
	if c.Depth < 1 || c.Depth > idmap.MaxDepth {
		return fmt.Errorf("depth %d: out of range; a chain has 1 to %d levels", c.Depth, idmap.MaxDepth)
	}
	for _, f := range []struct {
		name  string
		value float64
		least float64
	}{
		{"member_cpu_seconds", c.MemberCPUSeconds, math.SmallestNonzeroFloat64},
		{"runner_cpu_seconds", c.RunnerCPUSeconds, math.SmallestNonzeroFloat64},
		{"processors", c.Processors, math.SmallestNonzeroFloat64},
		{"disk_mb", c.DiskMB, math.SmallestNonzeroFloat64},
		{"image_mb", c.ImageMB, math.SmallestNonzeroFloat64},
		{"idle_memory_mb", c.IdleMemoryMB, 0},
		{"idle_disk_mb", c.IdleDiskMB, 0},
	} {
		if !(f.value >= f.least) || math.IsInf(f.value, 0) { // the first condition also holds for NaN
			return fmt.Errorf("%s: read %v, expected a measured figure above 0", f.name, f.value)
		}
	}
	if len(c.Loads) == 0 || c.Loads[0].Chains != 1 {
		return fmt.Errorf("loads: read %v, expected the load of a single chain first", c.Loads)
	}
	for i, l := range c.Loads {
		if !(l.Seconds > 0 && l.MemoryMB > 0) || math.IsInf(l.Seconds+l.MemoryMB, 0) || i > 0 && l.Chains <= c.Loads[i-1].Chains {
			return fmt.Errorf("loads: read %v, expected figures above 0, in ascending order of chains", c.Loads)
		}
	}
	return nil
}

// A Load is a measurement with a given number of chains at a time.
type Load struct {
	Chains   int     `json:"chains"`
	Seconds  float64 `json:"seconds"`   // per chain
	MemoryMB float64 `json:"memory_mb"` // maximum of all chains and the member's LXD
}

// interpolate returns a figure for any number of chains. It interpolates between the measured
// loads. Above the largest, the figure is proportional to the number of chains; below the
// smallest, it is constant.
func (c Cost) interpolate(chains float64, figure func(Load) float64) float64 {
	before := c.Loads[0]
	if chains <= float64(before.Chains) {
		return figure(before)
	}
	for _, l := range c.Loads[1:] {
		if chains <= float64(l.Chains) {
			part := (chains - float64(before.Chains)) / float64(l.Chains-before.Chains)
			return figure(before) + part*(figure(l)-figure(before))
		}
		before = l
	}
	return figure(before) * chains / float64(before.Chains)
}

// seconds returns the duration of each chain with the given number of chains per processor.
func (c Cost) seconds(perProcessor float64) float64 {
	return c.interpolate(perProcessor*c.Processors, func(l Load) float64 { return l.Seconds })
}

// memory returns the memory of a member with the given number of chains at a time, in MB.
func (c Cost) memory(chains int) float64 {
	return c.IdleMemoryMB + c.interpolate(float64(chains), func(l Load) float64 { return l.MemoryMB - c.IdleMemoryMB })
}

// occupiedTime returns the processor time that one chain occupies at the largest measured load. It
// includes the time that the chain waits.
func (c Cost) occupiedTime() float64 {
	most := c.Loads[len(c.Loads)-1]
	return most.Seconds * c.Processors / float64(most.Chains)
}
