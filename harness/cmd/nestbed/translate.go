package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness"
	"nestbed/harness/environment"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
	"nestbed/harness/tree"
)

type translateFlags struct {
	root     private.StateRoot // of --chain
	recipe   recipeFlags
	file     string
	chain    string
	fromHost bool
	json     bool
}

func newTranslate(m environment.Machine) *cobra.Command {
	f := translateFlags{root: private.StateRoot{Dir: m.State}}
	cmd := &cobra.Command{
		Use:   "translate [PATH] ID",
		Short: "Show an id at every level: what 1000 in c1/c2/c3 is in c2, in c1 and on the host",
		Long: `Shows an id, as a uid and as a gid, at every level from the container PATH up to the
host. With --from-host: shows an id of the host at every level down to PATH, as far as
the levels have it. The default PATH is c1/c2/c3, or the whole running chain.

The idmaps are those of nestbed plan for a chain as deep as PATH; with --file, those of
a list of containers; with --chain, those of a running chain, read from its processes
(requires root). Exit status 1 if a level does not have the id.`,
		Example: `  nestbed translate c1/c2/c3 1000
  nestbed translate --from-host 632072
  nestbed translate web/db 33 --file containers.txt`,
		Args: wrongUse(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 2 {
				path = args[0]
			}
			return f.run(cmd, path, args[len(args)-1])
		},
	}
	f.recipe.register(cmd)
	cmd.Flags().StringVar(&f.file, "file", "", "take the idmaps from `FILE`, as nestbed check reads it; - is standard input")
	cmd.Flags().StringVar(&f.chain, "chain", "", "take the idmaps from the running host `NAME` (nestbed reap --list shows them)")
	cmd.Flags().BoolVar(&f.fromHost, "from-host", false, "ID is an id of the host")
	cmd.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	return cmd
}

// translated is the id at one level. An id that the level does not have is nil.
type translated struct {
	Level int     `json:"level"`
	Name  string  `json:"name"`
	UID   *uint32 `json:"uid"`
	GID   *uint32 `json:"gid"`
}

func (f translateFlags) run(cmd *cobra.Command, path, text string) error {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id > idmap.MaxID {
		return &usageError{fmt.Errorf("id %q: expected a number from 0 to %d", text, uint32(idmap.MaxID))}
	}
	names, levels, err := f.maps(cmd.Context(), path)
	if err != nil {
		return err
	}
	rows := translate(names, levels, uint32(id), f.fromHost)
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), rows)
	} else {
		err = writeTranslated(cmd.OutOrStdout(), rows)
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.UID == nil || r.GID == nil {
			return fmt.Errorf("id %d does not exist at every level: %s does not have it", id, r.Name)
		}
	}
	return nil
}

// maps returns the names of the levels in a path, and their maps in ids of the parent.
func (f translateFlags) maps(ctx context.Context, path string) (names []string, levels []idmap.Map, err error) {
	if path != "" {
		names = strings.Split(path, "/")
	}
	switch {
	case f.chain != "" && f.file != "":
		return nil, nil, &usageError{errors.New("--file and --chain: the maps come from one of them; leave one out")}
	case f.chain != "":
		return runningMaps(ctx, f.root, f.chain, names)
	case f.file != "":
		levels, err = describedMaps(f.file, path)
		return names, levels, err
	case path == "":
		names = []string{"c1", "c2", "c3"}
	}
	f.recipe.depth = len(names)
	r, err := f.recipe.recipe()
	if err != nil {
		return nil, nil, err
	}
	plan := r.Layout().Plan()
	if plan.Stop != nil {
		return nil, nil, fmt.Errorf("such a chain cannot be built: it stops at %s", plan.Stop)
	}
	for _, l := range plan.Levels {
		levels = append(levels, l.Map)
	}
	return names, levels, nil
}

func describedMaps(file, path string) ([]idmap.Map, error) {
	if path == "" {
		return nil, &usageError{errors.New("--file: which container? name its PATH, such as c1/c2")}
	}
	t, err := readTree(file)
	if err != nil {
		return nil, err
	}
	problems := t.Check()
	c := t.Find(path)
	if c == nil {
		return nil, fmt.Errorf("%s: no container %s", t.File, path)
	}
	var levels []idmap.Map
	for _, c := range c.Chain() {
		for _, p := range problems {
			if p.Path == c.Path && !p.Warning {
				return nil, fmt.Errorf("%s: line %d: %s: %s; nestbed check %s says more", t.File, p.Line, p.Path, p.Text, file)
			}
		}
		levels = append(levels, c.Map())
	}
	return levels, nil
}

// readTree reads a description from a file, or from standard input if file is "-".
func readTree(file string) (*tree.Tree, error) {
	if file == "-" {
		return tree.Parse("standard input", os.Stdin)
	}
	r, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return tree.Parse(file, r)
}

// runningMaps returns the names and maps of the levels of a running chain. Its levels are c1, c2
// and so on; names selects the first of them, nil selects all.
func runningMaps(ctx context.Context, root private.StateRoot, name string, names []string) (found []string, maps []idmap.Map, err error) {
	if os.Geteuid() != 0 {
		return nil, nil, fmt.Errorf("translate --chain: %w", private.ErrNotRoot)
	}
	running, err := root.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	defer running.Close()
	levels, err := harness.Attach(ctx, running)
	if err != nil {
		return nil, nil, err
	}
	defer harness.Detach(levels)
	for i, n := range names {
		if i >= len(levels) || levels[i].Name != n {
			return nil, nil, fmt.Errorf("host %s: no level %s; it has %d levels, c1, c1/c2 and so on", name, strings.Join(names[:i+1], "/"), len(levels))
		}
	}
	for i, l := range levels {
		if names != nil && i == len(names) {
			break
		}
		m, err := l.Map(ctx)
		if err != nil {
			return nil, nil, err
		}
		found, maps = append(found, l.Name), append(maps, m)
	}
	return found, maps, nil
}

// translate returns one row per level, in the direction in which it follows the id.
func translate(names []string, levels []idmap.Map, id uint32, fromHost bool) []translated {
	rows := make([]translated, len(levels)+1)
	for n := range rows {
		rows[n] = translated{Level: n, Name: "host"}
		if n > 0 {
			rows[n].Name = names[n-1]
		}
	}
	follow := func(of func(idmap.Map) []idmap.Mapping, into func(*translated) **uint32) {
		var mappings [][]idmap.Mapping
		for _, m := range levels {
			mappings = append(mappings, of(m))
		}
		var ids []uint32
		if fromHost {
			ids = idmap.TranslateDown(mappings, id)
		} else {
			ids, _ = idmap.TranslateUp(mappings, id)
		}
		for n := range ids {
			*into(&rows[n]) = &ids[n]
		}
	}
	follow(func(m idmap.Map) []idmap.Mapping { return m.UID }, func(t *translated) **uint32 { return &t.UID })
	follow(func(m idmap.Map) []idmap.Mapping { return m.GID }, func(t *translated) **uint32 { return &t.GID })
	if !fromHost {
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	return rows
}

func writeTranslated(w io.Writer, rows []translated) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "level\tname\tuid\tgid\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t\n", r.Level, printable.Line(r.Name), orNone(r.UID), orNone(r.GID))
	}
	return t.Flush()
}

func orNone(id *uint32) string {
	if id == nil {
		return "none"
	}
	return fmt.Sprint(*id)
}
