package simulate

import (
	"fmt"
	"math"

	"nestbed/harness/idmap"
)

// Cost is what a chain of one depth takes, from nothing until nothing of it is left, as measured (CostMeter). MB are of 1,000,000 bytes.
type Cost struct {
	// Machine says what it was measured on and with.
	Machine string `json:"machine"`
	Depth   int    `json:"depth"`
	// Loads is what chains take by how many there are at a time, the fewest first, on so many Processors.
	Processors float64 `json:"processors"`
	Loads      []Load  `json:"loads"`
	// MemberCPUSeconds and RunnerCPUSeconds are the processor time that it takes on the member, and where nestbed runs.
	MemberCPUSeconds float64 `json:"member_cpu_seconds"`
	RunnerCPUSeconds float64 `json:"runner_cpu_seconds"`
	// DiskMB is what it holds of a member's disk when it is up, IdleDiskMB and IdleMemoryMB are what the member's LXD holds without any.
	// ImageMB is the image that level 1 is made from, which each member of a cluster that LXD gives it keeps until the chain is taken down.
	DiskMB       float64 `json:"disk_mb"`
	IdleMemoryMB float64 `json:"idle_memory_mb"`
	IdleDiskMB   float64 `json:"idle_disk_mb"`
	ImageMB      float64 `json:"image_mb"`
}

// Validate names the figure that nobody can have measured: none but those of idleness may be 0.
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
		if !(f.value >= f.least) || math.IsInf(f.value, 0) { // NaN is not, either
			return fmt.Errorf("%s: read %v, expected a measured figure above 0", f.name, f.value)
		}
	}
	if len(c.Loads) == 0 || c.Loads[0].Chains != 1 {
		return fmt.Errorf("loads: read %v, expected that of a chain alone first", c.Loads)
	}
	for i, l := range c.Loads {
		if !(l.Seconds > 0 && l.MemoryMB > 0) || math.IsInf(l.Seconds+l.MemoryMB, 0) || i > 0 && l.Chains <= c.Loads[i-1].Chains {
			return fmt.Errorf("loads: read %v, expected measured figures above 0, each of more chains than the one before", c.Loads)
		}
	}
	return nil
}

// Load is what chains take when there are as many at a time.
type Load struct {
	Chains   int     `json:"chains"`
	Seconds  float64 `json:"seconds"`   // that each takes
	MemoryMB float64 `json:"memory_mb"` // the most that all, and the member's LXD, hold
}

// between gives a figure of the loads for any number of chains: as measured, or between what was, and in proportion where there are more.
func (c Cost) between(chains float64, figure func(Load) float64) float64 {
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

// seconds is how long each chain takes where there are so many for a processor.
func (c Cost) seconds(perProcessor float64) float64 {
	return c.between(perProcessor*c.Processors, func(l Load) float64 { return l.Seconds })
}

// memory is what a member holds with so many chains at a time, in MB.
func (c Cost) memory(chains int) float64 {
	return c.IdleMemoryMB + c.between(float64(chains), func(l Load) float64 { return l.MemoryMB - c.IdleMemoryMB })
}

// full is how long a chain keeps a processor from others where there are most at a time, whatever it waits for.
func (c Cost) full() float64 {
	most := c.Loads[len(c.Loads)-1]
	return most.Seconds * c.Processors / float64(most.Chains)
}
