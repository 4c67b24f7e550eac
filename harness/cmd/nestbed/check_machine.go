package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
	"nestbed/harness/subid"
)

// machine is what check prints about a machine, as text and as JSON.
type machine struct {
	Flavor idmap.Flavor `json:"flavor"`
	SubUID []idmap.Line `json:"subuid"` // null if the file is missing
	SubGID []idmap.Line `json:"subgid"`
	// ShadowTools reports whether newuidmap and newgidmap are installed, and Shadow their version
	// if a package says it.
	ShadowTools bool         `json:"shadowTools"`
	Shadow      idmap.Shadow `json:"shadow,omitempty"`
	// Snap reports whether the LXD snap is installed, which does not read these files.
	Snap   bool         `json:"snap"`
	Choice idmap.Choice `json:"choice"`
	// Depth is the depth that chains reach if every level delegates what it does not need,
	// DepthByDefault the depth if no level has subid files and newuidmap is missing.
	Depth          int             `json:"depth"`
	DepthByDefault int             `json:"depthByDefault"`
	Stop           *idmap.Stop     `json:"stop,omitempty"` // of the level below
	Warnings       []idmap.Warning `json:"warnings"`
	// Problems lists everything in the files that does not work, or surprises.
	Problems []subid.Problem `json:"problems"`
	// Other says how the other program, LXD or Incus, reads the same files.
	Other otherProgram `json:"other"`
	// Deeper is the allocation for one more level. It is empty at the kernel's limit.
	Deeper string `json:"deeper,omitempty"`

	levels []idmap.PlannedLevel
	tools  string
}

func (f checkFlags) machine(cmd *cobra.Command) error {
	files, tools, err := f.files()
	if err != nil {
		return err
	}
	if f.owner != "" {
		return f.rootless(cmd, files)
	}
	m := evaluate(files.Daemon, files.Own)
	m.tools, m.Problems, m.Other = tools, append(m.Problems, files.Problems()...), otherOf(files)
	var ofContainer []subid.Problem
	if f.config != "" {
		config, err := readConfig(f.config, cmd.InOrStdin())
		if err != nil {
			return err
		}
		ofContainer = files.Container(config)
		m.Problems = append(m.Problems, ofContainer...)
	}
	_, err = os.Stat(snapDir)
	m.Snap = err == nil
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), m)
	} else {
		err = m.write(cmd.OutOrStdout(), f)
	}
	if err == nil {
		err = writeSVG(f.svg, m.bars(), fmt.Sprintf("%s and %s, depth %d", f.subuid, f.subgid, m.Depth))
	}
	if err == nil && cannotWork(ofContainer) {
		err = errors.New("a container with this configuration cannot start with these files; see above")
	}
	if err == nil && m.Depth == 0 {
		err = fmt.Errorf("no unprivileged container can be made with these files: %s%s; nestbed plan says what they must hold", m.Stop, because(m.Choice))
	}
	return err
}

func because(c idmap.Choice) string {
	if c.Why == "" {
		return ""
	}
	return " (" + c.Why + ")"
}

func readSubID(path string) (idmap.File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return idmap.File{Missing: true}, nil
	}
	return idmap.File{Text: string(text)}, err
}

// evaluate computes how deep chains go below the daemon if every level keeps one block of ids.
func evaluate(d idmap.Daemon, own idmap.Map) machine {
	m := machine{Flavor: d.Flavor, ShadowTools: d.ShadowTools, Shadow: d.Shadow, Choice: d.Choose(own), Warnings: []idmap.Warning{}, Problems: []subid.Problem{}}
	if !d.Delegation.UID.Missing {
		m.SubUID = append([]idmap.Line{}, m.Choice.UID.Lines...)
	}
	if !d.Delegation.GID.Missing {
		m.SubGID = append([]idmap.Line{}, m.Choice.GID.Lines...)
	}
	var plan idmap.Plan
	m.Depth, plan = d.Reach(own, true)
	m.DepthByDefault, _ = d.Reach(own, false)
	m.Stop, m.levels = plan.Stop, plan.Levels
	for _, w := range plan.Warnings {
		if w.Level == 1 {
			m.Warnings = append(m.Warnings, w)
		}
	}
	start := uint32(defaultStart)
	if m.Depth > 0 {
		start = m.Choice.Map.UID[0].Parent
	}
	if m.Depth < idmap.MaxDepth {
		if r, err := idmap.NewRecipe(idmap.Need{Depth: m.Depth + 1, Owner: idmap.Root, Start: start, Flavor: d.Flavor}); err == nil {
			m.Deeper = r.Host.String()
		}
	}
	return m
}

func (m machine) write(out io.Writer, f checkFlags) error {
	w := bufio.NewWriter(out)
	if err := m.writeLines(w, f); err != nil {
		return err
	}
	if m.Depth > 0 { // otherwise the error says everything
		m.writeReach(w)
		if err := errors.Join(w.Flush(), draw(out, m.bars())); err != nil {
			return err
		}
	}
	writeProblems(w, m.Problems)
	if m.Depth > 0 {
		if err := writeWarnings(w, m.Warnings); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n%s\n", m.Other)
	return w.Flush()
}

func (m machine) writeLines(w io.Writer, f checkFlags) error {
	for _, file := range []struct {
		name  string
		lines []idmap.Line
	}{{f.subuid, m.SubUID}, {f.subgid, m.SubGID}} {
		fmt.Fprintln(w, file.name)
		if file.lines == nil {
			fmt.Fprintln(w, "  missing")
			continue
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, l := range file.lines {
			fmt.Fprintf(t, "  line %d\t%s\t%s\n", l.Number, l.Verdict, printable.Line(l.Text)) // escaped, because tabwriter interprets bytes such as 0xff
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nnewuidmap and newgidmap  %s\n", m.tools)
	if m.Snap {
		fmt.Fprintf(w, "%-23s  LXD is installed as a snap, which does not read these files: the rest is about an LXD that does\n", snapDir)
	}
	return nil
}

func (m machine) writeReach(w io.Writer) {
	fmt.Fprintf(w, "%s gives its containers  uids %s, gids %s%s\n", m.Flavor, ranges(m.Choice.Map.UID), ranges(m.Choice.Map.GID), because(m.Choice))
	fmt.Fprintf(w, "reaches depth %d if every level keeps %d ids and hands down the rest, %d if no level has subid files\n", m.Depth, idmap.Block, m.DepthByDefault)
	if m.Deeper != "" {
		fmt.Fprintf(w, "depth %d takes %s (nestbed plan --depth %d --start %d)\n", m.Depth+1, m.Deeper, m.Depth+1, m.Choice.Map.UID[0].Parent)
	}
	fmt.Fprintln(w)
}

// ranges returns the parent ids as text: the first and the last of each mapping.
func ranges(mappings []idmap.Mapping) string {
	text := ""
	for i, m := range mappings {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%d to %d", m.Parent, m.Parent+(m.Count-1))
	}
	return text
}

func (m machine) bars() []drawing.Bar {
	var bars []drawing.Bar
	for _, l := range m.levels {
		bars = append(bars, drawing.Bar{Name: fmt.Sprintf("c%d", l.Level), Depth: l.Level, Host: l.Host.UID})
	}
	return bars
}
