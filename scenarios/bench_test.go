package scenarios_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/report"
)

var (
	benchDepths = flag.String("bench.depths", "1,3,8,16,32", "depths of BenchmarkChain, separated by commas")
	benchRecipe = flag.Int("bench.recipe", 16, "deepest chain that BenchmarkChain also builds by hand, with the recipe; 0: none")
	benchJSON   = flag.String("bench.json", "", "file that BenchmarkChain writes its rows to")
)

// BenchmarkChain measures chains that nestbed builds, and the same chains built by hand with lxc,
// one after the other. -benchtime 1x -count N measures them N times.
func BenchmarkChain(b *testing.B) {
	source := harnesstest.Source(b)
	source.Client = true // both run the same bundle, and the recipe needs it
	bun := harnesstest.Bundle(b, source)
	var samples []report.Sample
	var machine string
	for _, depth := range depthsIn(b, "bench.depths", *benchDepths) {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			var of []report.Sample
			for b.Loop() {
				var sample report.Sample
				sample, machine = measureChain(b, bun, depth)
				b.StopTimer()
				if depth <= *benchRecipe {
					sample.Recipe = measureRecipe(b, bun, depth, false)
					sample.ThinRecipe = measureRecipe(b, bun, depth, true)
				}
				b.StartTimer()
				of = append(of, sample)
			}
			samples = append(samples, of...)
			describe(b, report.Rows(of)[0])
		})
	}
	publish(b, report.Bench{Machine: machine, Rows: report.Rows(samples)})
}

// depthsIn reads the depths that a flag lists.
func depthsIn(b *testing.B, name, list string) []int {
	b.Helper()
	var depths []int
	for _, word := range strings.Split(list, ",") {
		depth, err := strconv.Atoi(word)
		require.NoError(b, err, "-%s: expected numbers separated by commas", name)
		require.NoError(b, harness.Cascade(depth).Validate())
		if !slices.Contains(depths, depth) {
			depths = append(depths, depth)
		}
	}
	return depths
}

// hostConfig returns the configuration of the host that both benchmarks start from.
func hostConfig(b *testing.B, bun *bundle.Bundle, depth int, d idmap.Delegation) private.Config {
	b.Helper()
	c := private.Config{StateRoot: stateRoot(), Delegation: d, Bundle: bun, InMemory: depth}
	room, err := inventory.Levels(harnesstest.Context(b), false)
	require.NoError(b, err)
	c.SharePIDs = depth > room
	return c
}

// measureChain measures a chain from the start of its host until it is verified, and its removal.
func measureChain(b *testing.B, bun *bundle.Bundle, depth int) (s report.Sample, machine string) {
	b.Helper()
	ctx, spec := harnesstest.Context(b), harness.Cascade(depth)
	delegation := idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Needed(depth)})
	c := hostConfig(b, bun, depth, delegation)
	before, began := cpuTime(b), time.Now()
	h, err := private.Start(ctx, c)
	require.NoError(b, err)
	b.Cleanup(func() { _ = h.Close(context.WithoutCancel(harnesstest.Context(b))) })
	peak := watchMemory(b, h)
	chain, err := harness.Build(ctx, h, spec)
	require.NoError(b, err)
	built := time.Now()
	outcome, err := chain.Outcome(ctx)
	require.NoError(b, err)
	require.NoError(b, harness.Contradiction(chain.Plan, outcome))
	s.Depth, s.Nestbed = depth, time.Since(began).Seconds()

	b.StopTimer()
	s.Memory = peak()
	cpu, err := h.CPU()
	require.NoError(b, err)
	s.CPU = (cpu + cpuTime(b) - before).Seconds()
	disk, err := h.Disk()
	require.NoError(b, err)
	s.Disk = float64(disk)
	worked := h.LXDTook() + timeInExec(b, chain, built)
	for _, l := range chain.Levels {
		for i, p := range l.Phases {
			worked += p.LXD
			if l.Index == 1 {
				s.Operations = append(s.Operations, report.Operation{Op: p.Op})
			}
			s.Operations[i].Seconds += p.Took.Seconds()
			s.Operations[i].LXD += p.LXD.Seconds()
		}
	}
	s.LXD = worked.Seconds()
	machine = fmt.Sprintf("%s, %d processors", h.Facts(), runtime.NumCPU())
	began = time.Now()
	require.NoError(b, h.Close(ctx))
	require.NoError(b, chain.Close(ctx))
	s.Close = time.Since(began).Seconds()
	require.Empty(b, host.Left(h))
	b.StartTimer()
	return s, machine
}

// timeInExec returns how long the chain's LXD daemons ran programs in levels after since. It must
// be called within five seconds of their end, when LXD forgets an operation (LXD:
// lxd/operations/operations.go). Simultaneous operations count once.
func timeInExec(b *testing.B, c *harness.Chain, since time.Time) time.Duration {
	b.Helper()
	servers := []lxd.InstanceServer{c.Host.LXD()}
	for _, l := range c.Levels[:len(c.Levels)-1] { // no container runs in the last level
		servers = append(servers, l.LXD())
	}
	var ran []api.Operation
	for _, s := range servers {
		operations, err := s.GetOperations()
		require.NoError(b, err)
		for _, o := range operations {
			if o.Description == "Executing command" && o.CreatedAt.After(since) {
				ran = append(ran, o)
			}
		}
	}
	require.Len(b, ran, len(c.Levels), "one program in each level reads its maps")
	return timeOfAny(ran)
}

// timeOfAny returns how long at least one of the operations was running.
func timeOfAny(operations []api.Operation) (all time.Duration) {
	slices.SortFunc(operations, func(a, b api.Operation) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var end time.Time
	for _, o := range operations {
		from := o.CreatedAt
		if from.Before(end) {
			from = end
		}
		if o.UpdatedAt.After(from) {
			all += o.UpdatedAt.Sub(from)
			end = o.UpdatedAt
		}
	}
	return all
}

// measureRecipe returns how many seconds the recipe takes until the last level answers.
func measureRecipe(b *testing.B, bun *bundle.Bundle, depth int, thin bool) float64 {
	b.Helper()
	h, err := private.Start(harnesstest.Context(b), hostConfig(b, bun, depth, idmap.Delegation{}))
	require.NoError(b, err)
	defer func() { require.NoError(b, h.Close(context.WithoutCancel(harnesstest.Context(b)))) }()
	r := recipe{h, depth, thin}
	require.NoError(b, r.copyImage(bun))
	began := time.Now()
	uidMap, err := r.follow(harnesstest.Context(b))
	require.NoError(b, err)
	took := time.Since(began) + h.Took()
	want := []string{"0", fmt.Sprint(idmap.Block), fmt.Sprint(idmap.Block)}
	if depth == 1 {
		want[1] = "500000"
	}
	require.Equal(b, want, strings.Fields(uidMap), "uid map of the last level")
	return took.Seconds()
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	used, err := inventory.OwnCPU()
	require.NoError(b, err)
	return used
}

// watchMemory starts to watch the memory of the host. The returned function stops the watch and
// returns the peak, in bytes.
func watchMemory(b *testing.B, h *private.Host) func() float64 {
	b.Helper()
	peak := h.WatchMemory(harnesstest.Context(b))
	return func() float64 {
		most, err := peak()
		require.NoError(b, err)
		return float64(most)
	}
}

// describe adds the figures of a row to the benchmark's line, for benchstat.
func describe(b *testing.B, r report.Row) {
	b.Helper()
	if r.RecipeSeconds != nil {
		b.ReportMetric(*r.RecipeSeconds, "recipe-s/op")
		b.ReportMetric(*r.Ratio, "recipe/nestbed")
		b.ReportMetric(*r.ThinRecipeSeconds, "thin-recipe-s/op")
	}
	b.ReportMetric(r.LXDSeconds, "LXD-s/op")
	b.ReportMetric(r.CPUSeconds, "CPU-s/op")
	b.ReportMetric(r.CloseSeconds, "close-s/op")
	b.ReportMetric(r.MemoryMBPerLevel, "memory-MB/level")
	b.ReportMetric(r.DiskMBPerLevel, "disk-MB/level")
}

func publish(b *testing.B, bench report.Bench) {
	b.Helper()
	fmt.Println()
	require.NoError(b, bench.Write(os.Stdout))
	fmt.Println()
	if *benchJSON == "" {
		return
	}
	text, err := json.MarshalIndent(bench, "", "  ")
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(*benchJSON, append(text, '\n'), 0o644))
}
