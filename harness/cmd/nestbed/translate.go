package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness/environment"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
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
	f := &translateFlags{root: private.StateRoot{Dir: m.State}}
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

func (f *translateFlags) run(cmd *cobra.Command, path, text string) error {
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
			larger := ""
			if !f.fromHost && f.file == "" && f.chain == "" {
				larger = f.recipe.larger(uint32(id))
			}
			return fmt.Errorf("id %d does not exist at every level: %s does not have it%s", id, r.Name, larger)
		}
	}
	return nil
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
