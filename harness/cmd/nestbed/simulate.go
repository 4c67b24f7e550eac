package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/simulate"
)

// simulateFlags describe a lab, and where the costs of its chains come from.
type simulateFlags struct {
	machine      environment.Machine
	depth        int
	lab          simulate.Lab
	memory, disk float64 // in GB
	costs        string
	bundle       string
	json         bool
}

// simulated is what simulate prints as JSON. --costs reads the costs from it.
type simulated struct {
	Lab      simulate.Lab      `json:"lab"`
	Cost     simulate.Cost     `json:"cost"`
	Forecast simulate.Forecast `json:"forecast"`
}

func newSimulate(m environment.Machine) *cobra.Command {
	f := simulateFlags{machine: m}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Forecast what many chains on a cluster need: time, memory, disk and ids",
		Long: `Measures what chains cost here, alone and side by side, on a private host whose LXD
stands for a member of a cluster, with levels reached through LXD exec. From that it
computes what --chains cost on --members that are as fast as this machine, do nothing
else, and are reached over https. Each chain is built and taken down, and the next one
begins where one ends. docs/performance.md compares forecasts with real runs.`,
		Example: `  nestbed simulate --members 3 --chains 60
  nestbed simulate --members 10 --chains 1000 --processors 8 --memory 32
  nestbed simulate --json > lab.json             # measuring takes a minute
  nestbed simulate --costs lab.json --members 5  # and forecast from them`,
		Args: wrongUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	here := float64(runtime.NumCPU())
	cmd.Flags().IntVar(&f.lab.Members, "members", 3, fmt.Sprintf("members of the cluster, 1 to %d", simulate.MaxMembers))
	cmd.Flags().IntVar(&f.lab.Chains, "chains", 100, fmt.Sprintf("chains in all, 1 to %d", simulate.MaxChains))
	cmd.Flags().IntVar(&f.depth, "depth", 3, fmt.Sprintf("levels of each, 1 to %d", idmap.MaxDepth))
	cmd.Flags().Float64Var(&f.lab.Processors, "processors", here, "processors of each member")
	cmd.Flags().Float64Var(&f.lab.RunnerProcessors, "runner-processors", here, "processors of the machine that nestbed runs on")
	cmd.Flags().IntVar(&f.lab.AtOnce, "at-once", 0, "chains at a time on each member (default: as nestbed places them, two per processor and one per GiB of --memory)")
	cmd.Flags().Float64Var(&f.memory, "memory", 0, "GB of memory of each member (default: enough)")
	cmd.Flags().Float64Var(&f.disk, "disk", 0, "GB of disk of each member for LXD (default: enough)")
	cmd.Flags().StringVar(&f.costs, "costs", "", "use the costs in `FILE`, which an earlier --json printed, and measure nothing")
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "what is measured: "+bundle.Forms+" (default: chosen for this machine)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	return cmd
}

func (f *simulateFlags) run(cmd *cobra.Command) error {
	if err := f.complete(cmd); err != nil {
		return &usageError{err}
	}
	s := simulated{Lab: f.lab}
	var err error
	if f.costs != "" {
		s.Cost, err = f.read(cmd.Flags().Changed("depth"))
	} else {
		s.Cost, err = f.measure(cmd)
	}
	if err != nil {
		return err
	}
	if s.Forecast, err = f.lab.Forecast(s.Cost); err != nil {
		return &usageError{err} // the lab asks for more than a member has
	}
	if f.json {
		return writeJSON(cmd.OutOrStdout(), s)
	}
	return s.write(cmd.OutOrStdout())
}

// complete checks the flags and fills in defaults.
func (f *simulateFlags) complete(cmd *cobra.Command) error {
	const mb, bytes = 1000, 1e9 // of a GB
	f.lab.MemoryMB, f.lab.DiskMB = f.memory*mb, f.disk*mb
	if !cmd.Flags().Changed("at-once") {
		// Clamped, because Validate below reports values that are out of range.
		processors := int(math.Ceil(min(max(f.lab.Processors, 0), math.MaxInt16)))
		f.lab.AtOnce = inventory.RoomFor(processors, uint64(min(max(f.memory, 0), math.MaxInt32)*bytes))
	}
	if f.depth < 1 || f.depth > idmap.MaxDepth {
		return fmt.Errorf("--depth %d: out of range; a chain has 1 to %d levels", f.depth, idmap.MaxDepth)
	}
	if f.costs != "" && f.bundle != "" {
		return errors.New("--bundle: with --costs nothing is measured; leave one of them out")
	}
	if err := f.lab.Validate(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

// read reads the costs from the file. They are valid for one depth only.
func (f *simulateFlags) read(depthGiven bool) (c simulate.Cost, err error) {
	text, err := os.ReadFile(f.costs)
	if err != nil {
		return c, &usageError{fmt.Errorf("--costs: %w", err)}
	}
	var s simulated
	err = json.Unmarshal(text, &s)
	if err == nil {
		err = s.Cost.Validate()
	}
	if err != nil {
		return c, &usageError{fmt.Errorf("--costs %s: %w; write one with nestbed simulate --json", f.costs, err)}
	}
	if depthGiven && s.Cost.Depth != f.depth {
		return c, &usageError{fmt.Errorf("--costs %s: measured at depth %d, expected depth %d; leave --depth out, or measure without --costs", f.costs, s.Cost.Depth, f.depth)}
	}
	return s.Cost, nil
}

func (f *simulateFlags) measure(cmd *cobra.Command) (c simulate.Cost, err error) {
	progress := newProgress(cmd.ErrOrStderr())
	defer progress.done()
	ctx := cmd.Context()
	root := private.StateRoot{Dir: f.machine.State}
	b, others, err := upFlags{machine: f.machine, depth: f.depth, bundle: f.bundle}.makeBundles(ctx, start.Site{StateRoot: root}, progress)
	if err != nil {
		return c, orInterrupted(ctx, err)
	}
	if len(others) > 0 {
		return c, &usageError{fmt.Errorf("--bundle %s: only one bundle can be measured; name one", f.bundle)}
	}
	c, err = simulate.Meter{StateRoot: root, Bundle: b, Depth: f.depth, AtOnce: simulate.UsualLoads(), Rounds: 5, Progress: progress.show}.Measure(ctx)
	return c, orInterrupted(ctx, err)
}

// write prints the forecast and the measurements that it is based on.
func (s simulated) write(w io.Writer) error {
	l, c, f := s.Lab, s.Cost, s.Forecast
	fmt.Fprintf(w, "%d chains of depth %d on %d members, %d at a time on each\n\n", l.Chains, c.Depth, l.Members, f.AtOnce)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	row("wall time", "%s, bound by the %s", time.Duration(f.Seconds*float64(time.Second)).Round(100*time.Millisecond), f.Bound)
	row("a member", "%d chains at most; %.4g processors, busy %s", f.MostChains, l.Processors, busy(l, f))
	row("", "memory %s, of which LXD holds %s", gb(f.MemoryMB), gb(c.IdleMemoryMB))
	row("", "disk %s", gb(f.DiskMB))
	row("", "%d ids: root:%d:%d in /etc/subuid and /etc/subgid", f.IDs, simulate.FirstID, f.IDs)
	row("the runner", "%.4g processors, busy %.0f %%", l.RunnerProcessors, 100*f.RunnerBusy)
	if f.LimitedBy != simulate.LimitedByAtOnce {
		row("", "each member's %s limits how many chains it has at a time", f.LimitedBy)
	}
	row("measured", "%s", c.Machine)
	for _, load := range c.Loads {
		row("", "%d at a time: each takes %.1f s, and the member holds %s of memory", load.Chains, load.Seconds, gb(load.MemoryMB))
	}
	levels := float64(c.Depth)
	row("a level", "%.1f s alone, %.0f MB of memory, %.0f MB of disk; %.1f s of a member's processors, %.2f s of the runner's",
		c.Loads[0].Seconds/levels, (c.Loads[0].MemoryMB-c.IdleMemoryMB)/levels, c.DiskMB/levels, c.MemberCPUSeconds/levels, c.RunnerCPUSeconds/levels)
	return t.Flush()
}

// busy returns "90 %" for a single member. For several it adds the first one, which does more.
func busy(l simulate.Lab, f simulate.Forecast) string {
	first := fmt.Sprintf("%.0f %%", 100*f.FirstBusy)
	if l.Members == 1 {
		return first
	}
	return fmt.Sprintf("%.0f %%; the first one, which has the database, %s", 100*f.MembersBusy, first)
}

// gb returns text such as "1.2 GB".
func gb(mb float64) string { return fmt.Sprintf("%.1f GB", mb/1000) }
