package steps

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// readTable returns the rows below the header. The header must name exactly the given columns.
func readTable(table *godog.Table, columns ...string) ([]map[string]string, error) {
	var header []string
	var rows []map[string]string
	for _, r := range table.Rows {
		var cells []string
		for _, c := range r.Cells {
			cells = append(cells, c.Value)
		}
		if header == nil {
			header = cells
			if !slices.Equal(header, columns) {
				return nil, fmt.Errorf("table: the columns are %q, expected %q", header, columns)
			}
			continue
		}
		row := map[string]string{}
		for i, name := range header {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

var mapColumns = []string{"level", "inside", "parent", "host", "count"}

var mapSteps = []step{
	{
		Then, `^the uid and gid maps are$`,
		"Compares every line of /proc/PID/uid_map and gid_map of every level that is up: ids inside, in the level above, and on the host.",
		func(s *scenario) any { return s.bothMaps }, shares,
	},
	{
		Then, `^the uid maps are$`,
		"Compares only the uid maps, like the step for uid and gid maps.",
		func(s *scenario) any { return s.uidMaps }, shares,
	},
	{
		Then, `^the gid maps are$`,
		"Compares only the gid maps, like the step for uid and gid maps.",
		func(s *scenario) any { return s.gidMaps }, shares,
	},
}

func (s *scenario) bothMaps(ctx context.Context, table *godog.Table) error {
	if err := s.uidMaps(ctx, table); err != nil {
		return err
	}
	return s.gidMaps(ctx, table)
}

func (s *scenario) uidMaps(ctx context.Context, table *godog.Table) error {
	return s.compareMaps(ctx, table, "uid", func(m idmap.Map) []idmap.Mapping { return m.UID })
}

func (s *scenario) gidMaps(ctx context.Context, table *godog.Table) error {
	return s.compareMaps(ctx, table, "gid", func(m idmap.Map) []idmap.Mapping { return m.GID })
}

// compareMaps compares the table with the maps of all levels. Neither may have additional lines.
func (s *scenario) compareMaps(ctx context.Context, table *godog.Table, kind string, of func(idmap.Map) []idmap.Mapping) error {
	rows, err := readTable(table, mapColumns...)
	if err != nil {
		return err
	}
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	outcome, err := chain.Outcome(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.move(row); err != nil {
			return err
		}
	}
	return diffMaps(rows, outcome, kind, of)
}

// move translates the host ids in a row to those of the actual host; see onHost.
func (s *scenario) move(row map[string]string) error {
	columns := []string{"host"}
	if row["level"] == "1" {
		columns = append(columns, "parent")
	}
	for _, name := range columns {
		id, err := userID(row[name])
		if err != nil {
			return fmt.Errorf("level %s: %s %q: %w", row["level"], name, row[name], err)
		}
		if id, err = s.onHost(id); err != nil {
			return err
		}
		row[name] = fmt.Sprint(id)
	}
	return nil
}

// onHost translates a host id of the scenario to the actual host. On an existing LXD, level 1 gets
// other ids than the scenario's allocation says, in the same order.
func (s *scenario) onHost(id uint32) (uint32, error) {
	if s.host == nil || host.IDCount(s.host) == 0 {
		return id, nil
	}
	read := idmap.Read(s.allocation.UID, idmap.LXD)
	if len(read.Ranges) != 1 || len(s.chain.Plan.Levels) == 0 {
		return 0, fmt.Errorf("id %d of the host: cannot be translated to this host: no level 1 is planned", id)
	}
	return id - read.Ranges[0].Start + s.chain.Plan.Levels[0].Host.UID[0].Parent, nil
}

// diffMaps compares the maps line by line.
func diffMaps(rows []map[string]string, outcome idmap.Plan, kind string, of func(idmap.Map) []idmap.Mapping) error {
	var wanted, got []string
	for _, row := range rows {
		wanted = append(wanted, mapLine(kind, row["level"], row["inside"], row["parent"], row["host"], row["count"]))
	}
	for _, l := range outcome.Levels {
		// Sorted by inside id: the plan, not this step, checks the order in which the kernel shows
		// the lines.
		byInside := func(a, b idmap.Mapping) int { return cmp.Compare(a.Inside, b.Inside) }
		for _, m := range slices.SortedFunc(slices.Values(of(l.Map)), byInside) {
			host, _ := idmap.Up(of(l.Host), m.Inside)
			got = append(got, mapLine(kind, l.Level, m.Inside, m.Parent, host, m.Count))
		}
	}
	return diffLines(kind, wanted, got)
}

func diffLines(kind string, wanted, got []string) error {
	var diff []string
	for i := range max(len(wanted), len(got)) {
		w, g := "nothing", "nothing"
		if i < len(wanted) {
			w = wanted[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			diff = append(diff, "wanted "+w+"\n   got "+g)
		}
	}
	if diff != nil {
		return mismatchf("the %s maps differ:\n%s", kind, strings.Join(diff, "\n"))
	}
	return nil
}

func mapLine(kind string, level, inside, parent, host, count any) string {
	return fmt.Sprintf("level %v: %s map: inside %v, parent %v, host %v, count %v", level, kind, inside, parent, host, count)
}
