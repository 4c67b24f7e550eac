package postmortem

import (
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
)

// Diagnosis is what a chain looks like, for somebody who was not there. What could not be read says
// why, and hides nothing else.
type Diagnosis struct {
	// Host is its name, Facts what its outcome depends on, Allocation what its subid files were given.
	Host, Facts, Allocation string
	Plan                    idmap.Plan
	// Seen are the maps of levels that are up, as the kernel shows them, by level; Unseen why one is not there.
	Seen   map[int]idmap.PlannedLevel
	Unseen map[int]error
	// Stop is why the chain stopped, nil if it is whole.
	Stop *harness.LevelError
	// Kernel is of the machine.
	Kernel Part
	// Places are the host and the levels, and the level that could not be made.
	Places []Place
}

// Place is the host, level 0, or a level.
type Place struct {
	Level int
	Name  string
	Parts []Part
	// LXCLog is that of its container, DaemonLog that of the LXD in it, whole; empty where there is none.
	LXCLog, DaemonLog string
	// Goroutines are those of the LXD in it, if AddGoroutines ended it.
	Goroutines string
}

// Part is one thing looked at: what was read, or why it was not.
type Part struct {
	Title, Text string
	Err         error
}

// Outcome is what was seen, in the form of a plan.
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

// String is the whole diagnosis, level by level from the top.
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
	b.WriteByte('\n')
	d.Kernel.write(&b, "")
	for _, p := range d.Places {
		fmt.Fprintf(&b, "\nlevel %d, %s\n", p.Level, p.Name)
		for _, part := range p.Parts {
			part.write(&b, "  ")
		}
	}
	return withoutSecrets(b.String())
}

// write puts a part of one line behind its title, a longer one below it.
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
