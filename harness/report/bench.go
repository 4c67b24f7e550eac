package report

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Sample is one measurement: a chain built by nestbed, and typed after the recipe of the article.
type Sample struct {
	Depth int
	// Nestbed is from nothing to a chain whose maps are as planned, Recipe from nothing to
	// one whose last level answers; 0 if nobody typed. Close is until nothing is left. In seconds.
	Nestbed, Recipe, Close float64
	// LXD is the part of Nestbed that LXDs were at an operation or on their way up, CPU the
	// processor time of all, ours included. In seconds.
	LXD, CPU float64
	// Memory is the most that all held at once and could not be given up, Disk what their files take. In bytes.
	Memory, Disk float64
}

// Row is what the samples of one depth come to: the median of each figure. MB are of 1,000,000 bytes.
type Row struct {
	Depth            int      `json:"depth"`
	Rounds           int      `json:"rounds"`
	NestbedSeconds   float64  `json:"nestbed_seconds"`
	RecipeSeconds    *float64 `json:"recipe_seconds"` // null if nobody typed, and so is Ratio
	Ratio            *float64 `json:"ratio"`
	LXDSeconds       float64  `json:"lxd_seconds"`
	CPUSeconds       float64  `json:"cpu_seconds"`
	CloseSeconds     float64  `json:"close_seconds"`
	MemoryMBPerLevel float64  `json:"memory_mb_per_level"`
	DiskMBPerLevel   float64  `json:"disk_mb_per_level"`
}

// Bench is a run of the benchmark.
type Bench struct {
	// Machine says what it ran on and with.
	Machine string `json:"machine"`
	Rows    []Row  `json:"rows"`
}

// Rows sums the samples up, a row a depth, the lowest first.
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
		row := Row{
			Depth: depth, Rounds: len(of),
			NestbedSeconds:   median(func(s Sample) float64 { return s.Nestbed }),
			LXDSeconds:       median(func(s Sample) float64 { return s.LXD }),
			CPUSeconds:       median(func(s Sample) float64 { return s.CPU }),
			CloseSeconds:     median(func(s Sample) float64 { return s.Close }),
			MemoryMBPerLevel: median(func(s Sample) float64 { return s.Memory }) / levels / 1e6,
			DiskMBPerLevel:   median(func(s Sample) float64 { return s.Disk }) / levels / 1e6,
		}
		if recipe := median(func(s Sample) float64 { return s.Recipe }); recipe > 0 {
			// Of the medians: a ratio that does not follow from the two figures beside it would puzzle.
			ratio := recipe / row.NestbedSeconds
			row.RecipeSeconds, row.Ratio = &recipe, &ratio
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int { return a.Depth - b.Depth })
	return rows
}

// Write prints the run as a table.
func (b Bench) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n", b.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "depth\trounds\tnestbed\trecipe\tratio\ta level\tin LXD\toutside\tCPU\tclose\tmemory a level\tdisk a level\t")
	for _, r := range b.Rows {
		recipe, ratio := "-", "-"
		if r.RecipeSeconds != nil {
			recipe, ratio = fmt.Sprintf("%.2f s", *r.RecipeSeconds), fmt.Sprintf("%.1f", *r.Ratio)
		}
		fmt.Fprintf(t, "%d\t%d\t%.2f s\t%s\t%s\t%.2f s\t%.2f s\t%.1f %%\t%.2f s\t%.2f s\t%.0f MB\t%.0f MB\t\n",
			r.Depth, r.Rounds, r.NestbedSeconds, recipe, ratio, r.NestbedSeconds/float64(r.Depth), r.LXDSeconds,
			100*(1-r.LXDSeconds/r.NestbedSeconds), r.CPUSeconds, r.CloseSeconds, r.MemoryMBPerLevel, r.DiskMBPerLevel)
	}
	return t.Flush()
}
