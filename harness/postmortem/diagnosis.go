package postmortem

import (
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
)

// A Diagnosis is the state of a chain, for somebody who was not there. A part that could not be
// read says why.
type Diagnosis struct {
	// Host is the name of the host, Facts are what its outcome depends on, and Allocation is the
	// content of its subid files.
	Host, Facts, Allocation string
	Plan                    idmap.Plan
	// Seen has the maps of the levels that are up, by level, as the kernel shows them. Unseen has
	// the errors of maps that could not be read.
	Seen   map[int]idmap.PlannedLevel
	Unseen map[int]error
	// Stop says why the chain stopped. It is nil if the chain is complete.
	Stop *harness.LevelError
	// ByHand are the commands that make the chain by hand, for a report to LXD's or Incus's
	// developers.
	ByHand []string
	// Kernel has facts about the machine's kernel.
	Kernel Part
	// Places are the host and the levels, and the level that could not be made.
	Places []Place
}

// A Place is the host (level 0) or a level.
type Place struct {
	Level int
	Name  string
	Parts []Part
	// LXCLog is the whole log of the place's container, DaemonLog that of the LXD in it. A missing
	// log is empty.
	LXCLog, DaemonLog string
	// Goroutines lists the goroutines of the LXD in it, if AddGoroutines ended that LXD.
	Goroutines string
}

// A Part is one thing that was read, or why it was not.
type Part struct {
	Title, Text string
	Err         error
}

// Outcome returns what was seen, in the form of a plan.
func (d *Diagnosis) Outcome() idmap.Plan {
	var o idmap.Plan
	for _, p := range d.Places {
		if l, seen := d.Seen[p.Level]; seen {
			o.Levels = append(o.Levels, l)
		}
	}
	if d.Stop != nil {
		o.Stop = &d.Stop.Stop
	}
	return o
}

// String returns the whole diagnosis, from the host down.
func (d *Diagnosis) String() string {
	if len(d.Places) == 0 {
		return "no chain was built\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "host %s, allocation %s\n%s\n\n%s\n", d.Host, d.Allocation, d.Facts, strings.Join(d.MapTable(), "\n"))
	fmt.Fprintf(&b, "\nstop planned: %s\nstop found:   ", d.Plan.Stop)
	if d.Stop == nil {
		b.WriteString("none\n")
	} else {
		fmt.Fprintf(&b, "%s\n  %v\n", &d.Stop.Stop, d.Stop.Err)
		for _, line := range d.Stop.Evidence {
			fmt.Fprintf(&b, "  log: %s\n", strings.TrimSpace(line))
		}
	}
	fmt.Fprintf(&b, "\nby hand, with an IMAGE that has the daemon in it:\n  %s\n\n", strings.Join(d.ByHand, "\n  "))
	d.Kernel.write(&b, "")
	for _, p := range d.Places {
		fmt.Fprintf(&b, "\nlevel %d, %s\n", p.Level, p.Name)
		for _, part := range p.Parts {
			part.write(&b, "  ")
		}
	}
	return withoutSecrets(b.String())
}

// write puts text of one line behind the title, and longer text below it.
func (p Part) write(b *strings.Builder, indent string) {
	text := strings.TrimRight(p.Text, "\n")
	if p.Err != nil {
		text = strings.TrimLeft(text+"\nnot read: "+excerpt.OneLine(p.Err.Error()), "\n")
	}
	if text == "" {
		text = "none"
	}
	fmt.Fprintf(b, "%s%s:", indent, p.Title)
	if !strings.Contains(text, "\n") {
		fmt.Fprintf(b, " %s\n", text)
		return
	}
	b.WriteByte('\n')
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(b, "%s  %s\n", indent, line)
	}
}
