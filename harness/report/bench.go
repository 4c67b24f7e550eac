package report

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"nestbed/harness/idmap"
)

// A Sample is one measurement: a chain built by nestbed, and the same chain typed by hand after
// the article's recipe.
type Sample struct {
	Depth int
	// Nestbed is the time from nothing to a chain whose maps are as planned. Recipe is the time
	// from nothing to a typed chain whose last level answers, or 0 if none was typed. The levels of
	// ThinRecipe are thin, as nestbed's are; those of Recipe are the article's. Close is the time
	// until nothing is left. All are in seconds.
	Nestbed, Recipe, ThinRecipe, Close float64
	// LXD is the part of Nestbed in which LXD ran operations or started. CPU is the processor
	// time of all processes, including nestbed's. Both are in seconds.
	LXD, CPU float64
	// Operations are the times of the operations of all levels together.
	Operations []Operation
	// Memory is the peak of the memory that could not be reclaimed. Disk is the size of all
	// files. Both are in bytes.
	Memory, Disk float64
}

// An Operation is the time that one operation took, in seconds: all of it, and the part in which
// LXD worked (harness.Phase).
type Operation struct {
	Op      idmap.Op `json:"operation"`
	Seconds float64  `json:"seconds"`
	LXD     float64  `json:"lxd_seconds"`
}

// A Row is the median of each figure over the samples of one depth. An MB is 1,000,000 bytes.
type Row struct {
	Depth             int      `json:"depth"`
	Rounds            int      `json:"rounds"`
	NestbedSeconds    float64  `json:"nestbed_seconds"`
	RecipeSeconds     *float64 `json:"recipe_seconds"` // null if no chain was typed, as are the next three
	Ratio             *float64 `json:"ratio"`
	ThinRecipeSeconds *float64 `json:"thin_recipe_seconds"`
	ThinRatio         *float64 `json:"thin_ratio"`
	LXDSeconds        float64  `json:"lxd_seconds"`
	CPUSeconds        float64  `json:"cpu_seconds"`
	CloseSeconds      float64  `json:"close_seconds"`
	MemoryMBPerLevel  float64  `json:"memory_mb_per_level"`
	DiskMBPerLevel    float64  `json:"disk_mb_per_level"`
	// Operations are those of one level, on average.
	Operations []Operation `json:"operations_per_level"`
}

// A Bench is a run of the benchmark.
type Bench struct {
	// Machine describes the machine and the versions.
	Machine string `json:"machine"`
	Rows    []Row  `json:"rows"`
}

// Rows returns a row for each depth, in ascending order.
func Rows(samples []Sample) []Row {
	byDepth := map[int][]Sample{}
	for _, s := range samples {
		byDepth[s.Depth] = append(byDepth[s.Depth], s)
	}
	rows := []Row{}
	for depth, of := range byDepth {
		median := func(figure func(Sample) float64) float64 {
			var all []float64
			for _, s := range of {
				all = append(all, figure(s))
			}
			slices.Sort(all)
			return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
		}
		levels := float64(depth)
		var operations []Operation
		for i, o := range of[0].Operations {
			operations = append(operations, Operation{
				Op: o.Op, Seconds: median(func(s Sample) float64 { return s.Operations[i].Seconds }) / levels,
				LXD: median(func(s Sample) float64 { return s.Operations[i].LXD }) / levels,
			})
		}
		row := Row{
			Depth: depth, Rounds: len(of),
			NestbedSeconds:   median(func(s Sample) float64 { return s.Nestbed }),
			LXDSeconds:       median(func(s Sample) float64 { return s.LXD }),
			CPUSeconds:       median(func(s Sample) float64 { return s.CPU }),
			CloseSeconds:     median(func(s Sample) float64 { return s.Close }),
			MemoryMBPerLevel: median(func(s Sample) float64 { return s.Memory }) / levels / 1e6,
			DiskMBPerLevel:   median(func(s Sample) float64 { return s.Disk }) / levels / 1e6,
			Operations:       operations,
		}
		// The ratios of the medians: other ratios would not match the figures beside them.
		if recipe := median(func(s Sample) float64 { return s.Recipe }); recipe > 0 {
			row.RecipeSeconds, row.Ratio = &recipe, new(recipe/row.NestbedSeconds)
		}
		if recipe := median(func(s Sample) float64 { return s.ThinRecipe }); recipe > 0 {
			row.ThinRecipeSeconds, row.ThinRatio = &recipe, new(recipe/row.NestbedSeconds)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int { return a.Depth - b.Depth })
	return rows
}

// Write prints the benchmark as a table.
func (b Bench) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n", b.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "depth\trounds\tnestbed\trecipe\tratio\tthin recipe\tratio\ta level\tin LXD\toutside\tCPU\tclose\tmemory a level\tdisk a level\t")
	for _, r := range b.Rows {
		fmt.Fprintf(t, "%d\t%d\t%.2f s\t%s\t%s\t%s\t%s\t%.2f s\t%.2f s\t%.1f %%\t%.2f s\t%.2f s\t%.0f MB\t%.0f MB\t\n",
			r.Depth, r.Rounds, r.NestbedSeconds, orDash("%.2f s", r.RecipeSeconds), orDash("%.1f", r.Ratio),
			orDash("%.2f s", r.ThinRecipeSeconds), orDash("%.1f", r.ThinRatio), r.NestbedSeconds/float64(r.Depth), r.LXDSeconds,
			100*(1-r.LXDSeconds/r.NestbedSeconds), r.CPUSeconds, r.CloseSeconds, r.MemoryMBPerLevel, r.DiskMBPerLevel)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return b.writeOperations(w)
}

// writeOperations prints what the operations of a level take.
func (b Bench) writeOperations(w io.Writer) error {
	fmt.Fprint(w, "\nmilliseconds of a level, by operation: all, and in LXD\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, r := range b.Rows {
		if i == 0 {
			fmt.Fprint(t, "depth\t")
			for _, o := range r.Operations {
				fmt.Fprintf(t, "%s\tin LXD\t", o.Op)
			}
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "%d\t", r.Depth)
		for _, o := range r.Operations {
			fmt.Fprintf(t, "%.0f\t%.0f\t", 1000*o.Seconds, 1000*o.LXD)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// orDash returns a figure as text, or a dash if there is none.
func orDash(format string, figure *float64) string {
	if figure == nil {
		return "-"
	}
	return fmt.Sprintf(format, *figure)
}
