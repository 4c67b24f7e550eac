package main

import (
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"nestbed/harness/bridge"
	"nestbed/harness/commands"
	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
)

// recipeFlags describe a chain, for plan and translate.
type recipeFlags struct {
	depth    int
	start    uint32
	owner    string
	flavor   string
	isolated bool
	apparmor bool
	network  bool
	needs    uint32
}

func (f *recipeFlags) register(cmd *cobra.Command) {
	cmd.Flags().Uint32Var(&f.start, "start", defaultStart, "first id of the host's allocation")
	cmd.Flags().StringVar(&f.owner, "owner", idmap.Root, "owner of the allocation; LXD and Incus read only root's")
	cmd.Flags().StringVar(&f.flavor, "flavor", string(idmap.LXD), flavorHelp)
	cmd.Flags().BoolVar(&f.isolated, "isolated", false, "give every container ids of its own (security.idmap.isolated)")
}

const flavorHelp = "whose rules: lxd or incus, or one of their versions, such as lxd-5.0.2"

// recipe returns the chain that the flags describe. Its error is a usageError.
func (f *recipeFlags) recipe() (idmap.Recipe, error) {
	if f.depth < 1 || f.depth > idmap.MaxDepth {
		return idmap.Recipe{}, &usageError{fmt.Errorf("depth %d: out of range; a chain has 1 to %d levels", f.depth, idmap.MaxDepth)}
	}
	flavor, err := idmap.ParseFlavor(f.flavor)
	if err != nil {
		return idmap.Recipe{}, &usageError{fmt.Errorf("--flavor: %w", err)}
	}
	if _, err := idmap.ParseAllocation(f.owner + ":0:1"); err != nil {
		return idmap.Recipe{}, &usageError{fmt.Errorf("--owner: %w", err)}
	}
	r, err := idmap.NewRecipe(idmap.Need{Depth: f.depth, Owner: f.owner, Start: f.start, Flavor: flavor, Isolated: f.isolated, AppArmor: f.apparmor, ID: f.needs})
	if err != nil {
		return r, &usageError{err}
	}
	return r, nil
}

// larger says how the chain would have an id in its last level.
func (f recipeFlags) larger(id uint32) string {
	f.needs = id
	r, err := f.recipe()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; it needs %s on the host, and more at every level: nestbed plan --depth %d --needs %d", r.Host, f.depth, id)
}

func newPlan() *cobra.Command {
	var f recipeFlags
	var asJSON bool
	var svg string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what a chain of a given depth needs: allocations, commands and the resulting idmaps",
		Long: `Computes the smallest allocations for a chain in which every level keeps 65536 ids
for its own users, and the last one as many as --needs wants. Prints the line of both
subid files for the host and for each level, the commands that write it, and the idmaps
that LXD then makes. Builds nothing and changes nothing; nestbed up builds.`,
		Example: `  nestbed plan --depth 3
  nestbed plan --depth 2 --isolated --flavor incus
  nestbed plan --depth 2 --needs 100000    # a user of c2 has the id 100000
  nestbed plan --depth 8 --start 1000000 --svg chain.svg`,
		Args: wrongUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSVG(svg); err != nil {
				return err
			}
			r, err := f.recipe()
			if err != nil {
				return err
			}
			p := newPlanned(r, f.network)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), p)
			} else {
				err = p.write(cmd.OutOrStdout())
			}
			if err == nil {
				err = writeSVG(svg, p.bars(), fmt.Sprintf("%s, depth %d", p.Host.Allocation, p.Depth))
			}
			if err == nil && p.Stop != nil {
				err = fmt.Errorf("this chain cannot be built: it stops at %s", p.Stop)
			}
			return err
		},
	}
	f.register(cmd)
	cmd.Flags().IntVar(&f.depth, "depth", 3, fmt.Sprintf("number of levels, 1 to %d", idmap.MaxDepth))
	cmd.Flags().Uint32Var(&f.needs, "needs", 0, "an `ID` that must exist in the last level, such as that of a user of its image or directory")
	cmd.Flags().BoolVar(&f.apparmor, "apparmor", false, "for a machine that enforces AppArmor: add the settings that levels below the first need there")
	cmd.Flags().BoolVar(&f.network, "network", false, "connect every level to a bridge, with addresses that no other level has")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	svgFlag(cmd, &svg)
	return cmd
}

// planned is what plan prints, as text and as JSON.
type planned struct {
	Depth    int             `json:"depth"`
	Flavor   idmap.Flavor    `json:"flavor"`
	Host     plannedLevel    `json:"host"`
	Levels   []plannedLevel  `json:"levels"`
	Stop     *idmap.Stop     `json:"stop,omitempty"`
	Warnings []idmap.Warning `json:"warnings"`

	allocation idmap.Allocation // of the host
}

// plannedLevel is the host or a level: its allocation, and the maps that LXD makes from it.
type plannedLevel struct {
	Level int    `json:"level"`
	Name  string `json:"name"`
	// Allocation is the line of both subid files. It is empty if nothing is delegated.
	Allocation string `json:"allocation,omitempty"`
	// Commands write that line, make LXD read it, and create the container of the next level.
	Commands []string          `json:"commands,omitempty"`
	Config   map[string]string `json:"config,omitempty"`
	Map      *idmap.Map        `json:"map,omitempty"`
	HostMap  *idmap.Map        `json:"hostMap,omitempty"`
	// Addresses are the ranges of which the level has addresses.
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

// newPlanned plans the chain of a recipe. With network, every level is connected to a bridge.
func newPlanned(r idmap.Recipe, network bool) planned {
	layout := r.Layout()
	for i := range layout.Daemons {
		if network {
			layout.Daemons[i].Network = bridge.Config(i + 1)
		}
	}
	plan, daemons := layout.Plan(), layout.Daemons
	p := planned{Depth: len(r.Levels), Flavor: r.Flavor, Levels: []plannedLevel{}, Stop: plan.Stop, Warnings: append([]idmap.Warning{}, plan.Warnings...), allocation: r.Host}
	p.Host = plannedLevel{Name: "host", Allocation: r.Host.String(), Commands: commands.For(daemons[0], 1)}
	for i, l := range r.Levels {
		level := plannedLevel{Level: i + 1, Name: fmt.Sprintf("c%d", i+1), Config: l.Config, Addresses: bridge.Addresses(daemons[i].Network)}
		if l.Allocation != nil {
			level.Allocation, level.Commands = l.Allocation.String(), commands.For(daemons[i+1], i+2)
		}
		if i < len(plan.Levels) {
			level.Map, level.HostMap = &plan.Levels[i].Map, &plan.Levels[i].Host
		}
		p.Levels = append(p.Levels, level)
	}
	return p
}

func (p planned) write(w io.Writer) error {
	fmt.Fprintf(w, "depth %d takes %d ids of the host, %d to %d\n", p.Depth, p.allocation.Count, p.allocation.Start, p.allocation.Last())
	for _, l := range append([]plannedLevel{p.Host}, p.Levels...) {
		where := "on the host"
		if l.Level > 0 {
			where = "in " + l.Name
		}
		says := "nothing to hand down"
		if l.Allocation != "" {
			says = "/etc/subuid and /etc/subgid say " + l.Allocation
		}
		fmt.Fprintf(w, "\n%s: %s\n", where, says)
		for _, r := range l.Addresses {
			fmt.Fprintf(w, "  # eth0 gets an address of %s\n", r)
		}
		for _, c := range l.Commands {
			fmt.Fprintf(w, "  %s\n", c)
		}
	}
	if levels := p.reportLevels(); len(levels) > 0 {
		fmt.Fprintln(w)
		if err := report.WriteTable(w, levels); err != nil {
			return err
		}
		fmt.Fprintln(w)
		if err := draw(w, p.bars()); err != nil {
			return err
		}
	}
	return writeWarnings(w, p.Warnings)
}

// writeWarnings prints warnings. It merges warnings of the same kind on consecutive levels.
func writeWarnings(w io.Writer, warnings []idmap.Warning) error {
	if len(warnings) == 0 {
		return nil
	}
	place := map[idmap.WarningKind]int{} // of the first warning of the kind
	for i, warning := range slices.Backward(warnings) {
		place[warning.Kind] = i
	}
	warnings = slices.Clone(warnings)
	slices.SortStableFunc(warnings, func(a, b idmap.Warning) int { return place[a.Kind] - place[b.Kind] })
	text := "\nworks, but:\n"
	for len(warnings) > 0 {
		first, n := warnings[0], 1
		for n < len(warnings) && warnings[n].Kind == first.Kind && warnings[n].Level == first.Level+n {
			n++
		}
		text += "  " + first.String() + "\n"
		if n > 1 {
			text += fmt.Sprintf("    and so on down to level %d\n", warnings[n-1].Level)
		}
		warnings = warnings[n:]
	}
	_, err := io.WriteString(w, text)
	return err
}

// reportLevels returns the levels that come up, in the form of a run's report.
func (p planned) reportLevels() []report.Level {
	var levels []report.Level
	for _, l := range p.Levels {
		if l.Map != nil {
			levels = append(levels, report.Level{Level: l.Level, Name: l.Name, Map: *l.Map, Host: *l.HostMap})
		}
	}
	return levels
}

func (p planned) bars() []drawing.Bar { return report.Result{Levels: p.reportLevels()}.Bars() }
