package simulate

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// example takes 2 s alone, and one processor is enough for that.
var example = Cost{
	Depth: 3, Processors: 1, Loads: []Load{{1, 2, 170}}, MemberCPUSeconds: 2, RunnerCPUSeconds: 0.5,
	DiskMB: 300, IdleMemoryMB: 50, IdleDiskMB: 10, ImageMB: 20,
}

func TestForecast(t *testing.T) {
	for _, c := range []struct {
		name      string
		lab       Lab
		seconds   float64
		atOnce    int
		limitedBy string
		most      int
		bound     string
	}{
		{"one chain", Lab{Members: 1, Chains: 1, Processors: 4, AtOnce: 8}, 2, 8, "at-once", 1, BoundAtOnce},
		{"half a processor doubles the time", Lab{Members: 1, Chains: 1, Processors: 0.5, AtOnce: 1}, 4, 1, "at-once", 1, BoundMembers},
		{"one chain per processor", Lab{Members: 1, Chains: 4, Processors: 4, AtOnce: 8}, 2, 8, "at-once", 4, BoundAtOnce},
		{"two chains per processor", Lab{Members: 1, Chains: 8, Processors: 4, AtOnce: 8}, 4, 8, "at-once", 8, BoundMembers},
		{"one after the other", Lab{Members: 1, Chains: 3, Processors: 4, AtOnce: 1}, 6, 1, "at-once", 3, BoundAtOnce},
		// The chain's own member has 1.3 times the work, the other member 0.1, and 0.17 more if
		// that is the first.
		{"two members take more than half the time", Lab{Members: 2, Chains: 8, Processors: 2, AtOnce: 4}, (4*1.3 + 4*0.27) / 2 * 2, 4, "at-once", 4, BoundFirst},
		{"one chain more than fits at a time", Lab{Members: 2, Chains: 3, Processors: 1, AtOnce: 1}, 2*(1.3+0.27) + 2*1.3, 1, "at-once", 2, BoundFirst},
		{"limited by memory", Lab{Members: 1, Chains: 4, Processors: 4, AtOnce: 8, MemoryMB: 290}, 4, 2, "memory", 4, BoundAtOnce},
		{"limited by disk", Lab{Members: 1, Chains: 4, Processors: 4, AtOnce: 8, DiskMB: 310}, 8, 1, "disk", 4, BoundAtOnce},
		{"limited by the runner", Lab{Members: 10, Chains: 100, Processors: 40, AtOnce: 10, RunnerProcessors: 1}, 50, 10, "at-once", 10, BoundRunner},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.lab.RunnerProcessors == 0 {
				c.lab.RunnerProcessors = 100
			}
			f, err := c.lab.Forecast(example)
			require.NoError(t, err)
			assert.InDelta(t, c.seconds, f.Seconds, 1e-6)
			assert.Equal(t, c.atOnce, f.AtOnce)
			assert.Equal(t, c.limitedBy, f.LimitedBy)
			assert.Equal(t, c.most, f.MostChains)
			assert.Equal(t, c.bound, f.Bound)
		})
	}
}

func TestTimeAndMemoryAreInterpolatedBetweenLoads(t *testing.T) {
	c := Cost{Processors: 2, Loads: []Load{{1, 2, 100}, {2, 3, 150}, {4, 5, 170}}, IdleMemoryMB: 50}
	for load, want := range map[float64]float64{0.1: 2, 0.5: 2, 0.75: 2.5, 1: 3, 1.5: 4, 2: 5, 4: 10} {
		assert.InDelta(t, want, c.seconds(load), 1e-9, "%v", load)
	}
	assert.InDelta(t, 2.5, c.occupiedTime(), 1e-9)
	for chains, want := range map[int]float64{1: 100, 2: 150, 3: 160, 4: 170, 8: 290} {
		assert.InDelta(t, want, c.memory(chains), 1e-9, "%d", chains)
	}
}

func TestAMemberNeedsResourcesForItsChainsAtATime(t *testing.T) {
	f, err := Lab{Members: 2, Chains: 5, Processors: 1, RunnerProcessors: 1, AtOnce: 4}.Forecast(example)
	require.NoError(t, err)
	assert.InDelta(t, 50+3*120, f.MemoryMB, 1e-9, "three of the five")
	assert.InDelta(t, 10+3*(300+2*20), f.DiskMB, 1e-9, "an image of each chain, and of each chain on the other member")
	assert.EqualValues(t, idmap.Block+3*idmap.Needed(3)+1, f.IDs)
}

func TestAChainThatFitsNoMemberIsRefused(t *testing.T) {
	lab := Lab{Members: 1, Chains: 1, Processors: 1, RunnerProcessors: 1, AtOnce: 1, MemoryMB: 169}
	_, err := lab.Forecast(example)
	require.EqualError(t, err, "memory: a member has 169 MB, but LXD and a chain of depth 3 need 170; give it more")
	lab.MemoryMB = 170
	_, err = lab.Forecast(example)
	require.NoError(t, err)
}

func TestValuesOutOfRangeAreNamed(t *testing.T) {
	good := Lab{Members: 1, Chains: 1, Processors: 1, RunnerProcessors: 1, AtOnce: 1}
	for want, spoil := range map[string]func(*Lab){
		"members: 0 is out of range; it is 1 to 1000":         func(l *Lab) { l.Members = 0 },
		"members: 1001 is out of range":                       func(l *Lab) { l.Members = 1001 },
		"chains: 0 is out of range":                           func(l *Lab) { l.Chains = 0 },
		"processors: 0 is out of range; it is 0.01 to 10000":  func(l *Lab) { l.Processors = 0 },
		"processors: NaN is out of range":                     func(l *Lab) { l.Processors = math.NaN() },
		"runner-processors: -1 is out of range":               func(l *Lab) { l.RunnerProcessors = -1 },
		"at-once: 0 is out of range":                          func(l *Lab) { l.AtOnce = 0 },
		"memory: -1 is out of range":                          func(l *Lab) { l.MemoryMB = -1 },
		"disk: +Inf is out of range; it is 0 to 1.7976931348": func(l *Lab) { l.DiskMB = math.Inf(1) },
	} {
		l := good
		spoil(&l)
		_, err := l.Forecast(example)
		require.ErrorContains(t, err, want)
	}
	for want, spoil := range map[string]func(*Cost){
		"depth 0: out of range":  func(c *Cost) { c.Depth = 0 },
		"depth 34: out of range": func(c *Cost) { c.Depth = 34 },
		"loads: read [], expected the load of a single chain first": func(c *Cost) { c.Loads = nil },
		"loads: read [{2 1 1}], expected the load":                  func(c *Cost) { c.Loads = []Load{{2, 1, 1}} },
		"loads: read [{1 0 1}], expected figures":                   func(c *Cost) { c.Loads = []Load{{1, 0, 1}} },
		"loads: read [{1 NaN 1}]":                                   func(c *Cost) { c.Loads = []Load{{1, math.NaN(), 1}} },
		"loads: read [{1 1 1} {1 1 1}]":                             func(c *Cost) { c.Loads = []Load{{1, 1, 1}, {1, 1, 1}} },
		"processors: read 0":                                        func(c *Cost) { c.Processors = 0 },
		"runner_cpu_seconds: read -1":                               func(c *Cost) { c.RunnerCPUSeconds = -1 },
		"idle_disk_mb: read -1":                                     func(c *Cost) { c.IdleDiskMB = -1 },
	} {
		c := example
		spoil(&c)
		_, err := good.Forecast(c)
		require.ErrorContains(t, err, want)
	}
}

// drawn draws a cost and a lab.
func drawn(t *rapid.T) (Cost, Lab) {
	part := func(name string, least, most float64) float64 { return rapid.Float64Range(least, most).Draw(t, name) }
	c := Cost{
		Depth: rapid.IntRange(1, idmap.MaxDepth).Draw(t, "depth"), Processors: part("measured on", 0.1, 16), MemberCPUSeconds: part("member", 0.1, 100), RunnerCPUSeconds: part("runner", 0.01, 10),
		DiskMB: 1, ImageMB: 1,
	}
	load := Load{Chains: 1, Seconds: part("alone", 0.1, 100), MemoryMB: 1}
	for range rapid.IntRange(1, 4).Draw(t, "loads") {
		c.Loads = append(c.Loads, load)
		load.Chains += rapid.IntRange(1, 8).Draw(t, "more")
		load.Seconds += part("longer", 0, 100)
	}
	return c, Lab{
		Members: rapid.IntRange(1, 12).Draw(t, "members"), Chains: rapid.IntRange(1, 200).Draw(t, "chains"),
		Processors: part("processors", 0.1, 16), RunnerProcessors: part("runner-processors", 0.1, 16), AtOnce: rapid.IntRange(1, 20).Draw(t, "at-once"),
	}
}

func TestNoForecastIsFasterThanItsProcessorsAndItsChains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := drawn(t)
		f, err := l.Forecast(c)
		require.NoError(t, err)
		slower := 1 + 1e-6
		assert.LessOrEqual(t, c.Loads[0].Seconds*math.Ceil(float64(l.Chains)/float64(l.Members*l.AtOnce)), f.Seconds*slower)
		assert.LessOrEqual(t, f.RunnerBusy, slower)
	})
}

func TestMoreOfAnythingIsNeverSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, l := drawn(t)
		less, err := l.Forecast(c)
		require.NoError(t, err)
		l.Processors *= rapid.Float64Range(1, 3).Draw(t, "more processors")
		l.RunnerProcessors *= rapid.Float64Range(1, 3).Draw(t, "more of the runner")
		more, err := l.Forecast(c)
		require.NoError(t, err)
		assert.LessOrEqual(t, more.Seconds, less.Seconds*(1+1e-6))
	})
}

func BenchmarkForecast(b *testing.B) {
	lab := Lab{Members: MaxMembers, Chains: MaxChains, Processors: 4, RunnerProcessors: 4, AtOnce: 8}
	for b.Loop() {
		if _, err := lab.Forecast(example); err != nil {
			b.Fatal(err)
		}
	}
}
