package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
	"nestbed/harness/tree"
)

// maxBars limits how many containers a drawing shows. More are not readable.
const maxBars = 64

// description is what check prints about a file, as text and as JSON.
type description struct {
	File       string         `json:"file"`
	Works      bool           `json:"works"`
	Containers []container    `json:"containers"`
	Problems   []tree.Problem `json:"problems"`
}

// container is one container of a description. Children follow their parent.
type container struct {
	Path string    `json:"path"`
	Map  idmap.Map `json:"map"`
	// HostMap is the part of Map that exists on the host.
	HostMap idmap.Map `json:"hostMap"`

	depth  int
	broken bool
}

func (f checkFlags) description(cmd *cobra.Command, file string) error {
	t, err := readTree(file)
	var wrong *tree.Error
	if errors.As(err, &wrong) || errors.Is(err, fs.ErrNotExist) {
		return &usageError{err}
	} else if err != nil {
		return err
	}
	if len(t.Containers) == 0 {
		return &usageError{fmt.Errorf("%s: read no containers, expected lines such as c1/c2 0:65536:131072", t.File)}
	}
	d := describe(t)
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), d)
	} else {
		err = d.write(cmd.OutOrStdout())
	}
	if err == nil {
		err = writeSVG(f.svg, d.bars(), t.File)
	}
	if err == nil && !d.Works {
		n := 0
		for _, p := range d.Problems {
			if !p.Warning {
				n++
			}
		}
		err = fmt.Errorf("%s: cannot work as described (problems: %d)", t.File, n)
	}
	return err
}

func describe(t *tree.Tree) description {
	d := description{File: t.File, Containers: []container{}, Problems: append([]tree.Problem{}, t.Check()...)}
	d.Works = tree.Works(d.Problems)
	broken := map[string]bool{}
	for _, p := range d.Problems {
		broken[p.Path] = broken[p.Path] || !p.Warning
	}
	for _, c := range t.Ordered() {
		d.Containers = append(d.Containers, container{
			Path: c.Path, Map: c.Map(), HostMap: c.Host, depth: c.Depth(), broken: broken[c.Path] || !existsOnHost(c),
		})
	}
	return d
}

// existsOnHost reports whether all ids of a container exist on the host. They do not if a
// container above it is broken.
func existsOnHost(c *tree.Container) bool {
	return idmap.Count(c.Map().UID) == idmap.Count(c.Host.UID) && idmap.Count(c.Map().GID) == idmap.Count(c.Host.GID)
}

func (d description) write(out io.Writer) error {
	w := bufio.NewWriter(out)
	if err := d.writeTable(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := errors.Join(w.Flush(), draw(out, d.bars())); err != nil {
		return err
	}
	if more := len(d.Containers) - maxBars; more > 0 {
		fmt.Fprintf(w, "(and %d more containers)\n", more)
	}
	if len(d.Problems) > 0 {
		fmt.Fprintln(w)
	}
	for _, p := range d.Problems {
		kind := "cannot work"
		if p.Warning {
			kind = "works, but"
		}
		fmt.Fprintf(w, "line %d: %s: %s: %s\n", p.Line, kind, p.Path, p.Text)
		if p.Fix != "" {
			fmt.Fprintf(w, "  fix: %s\n", p.Fix)
		}
	}
	return w.Flush()
}

// writeTable prints one line per mapping. Uids and gids share a line if their maps are the same.
func (d description) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "container\tids\tparent start\tparent end\tcontainer start\tcontainer end\thost start\thost end\t")
	for _, c := range d.Containers {
		for _, k := range []struct {
			name      string
			own, host []idmap.Mapping
		}{{"uid", c.Map.UID, c.HostMap.UID}, {"gid", c.Map.GID, c.HostMap.GID}} {
			if slices.Equal(c.Map.UID, c.Map.GID) {
				if k.name == "gid" {
					break
				}
				k.name = "uid+gid"
			}
			for _, m := range k.own {
				last := m.Count - 1
				onHost, end := "none", "none"
				if first, ok := idmap.Up(k.host, m.Inside); ok {
					onHost = fmt.Sprint(first)
				}
				if last, ok := idmap.Up(k.host, m.Inside+last); ok {
					end = fmt.Sprint(last)
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t\n", printable.Line(c.Path), k.name, m.Parent, m.Parent+last, m.Inside, m.Inside+last, onHost, end)
			}
		}
	}
	return t.Flush()
}

func (d description) bars() []drawing.Bar {
	var bars []drawing.Bar
	for _, c := range d.Containers[:min(len(d.Containers), maxBars)] {
		host := c.HostMap.UID
		if len(host) == 0 {
			host = c.HostMap.GID
		}
		bars = append(bars, drawing.Bar{Name: c.Path, Depth: c.depth, Host: host, Problem: c.broken})
	}
	return bars
}
