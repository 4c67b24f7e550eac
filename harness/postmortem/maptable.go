package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
)

// MapTable returns a table of the seen maps beside the planned ones: a heading of two lines, then
// a line for each mapping. A line says if the two differ.
func (d *Diagnosis) MapTable() []string {
	var rows []mapRow
	for _, level := range d.levels() {
		planned, isPlanned := plannedLevel(d.Plan, level)
		seen, isSeen := d.Seen[level]
		note := ""
		switch err, unseen := d.Unseen[level]; {
		case unseen:
			note = "not read: " + excerpt.OneLine(err.Error())
		case isPlanned && !isSeen:
			note = "<- not up"
		case isSeen && !isPlanned:
			note = "<- not planned"
		}
		alike := alikeIDs(planned) && alikeIDs(seen)
		rows = append(rows, mapRows(level, map[bool]string{true: "uid+gid", false: "uid"}[alike], note,
			mappingCells(planned.Map.UID, planned.Host.UID), mappingCells(seen.Map.UID, seen.Host.UID))...)
		if !alike {
			rows = append(rows, mapRows(level, "gid", note,
				mappingCells(planned.Map.GID, planned.Host.GID), mappingCells(seen.Map.GID, seen.Host.GID))...)
		}
	}
	return alignRows(rows)
}

// levels returns the levels that were planned, seen, or not readable.
func (d *Diagnosis) levels() []int {
	var levels []int
	for _, l := range d.Plan.Levels {
		levels = append(levels, l.Level)
	}
	for l := range d.Seen {
		levels = append(levels, l)
	}
	for l := range d.Unseen {
		levels = append(levels, l)
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

func plannedLevel(p idmap.Plan, level int) (idmap.PlannedLevel, bool) {
	i := slices.IndexFunc(p.Levels, func(l idmap.PlannedLevel) bool { return l.Level == level })
	if i < 0 {
		return idmap.PlannedLevel{}, false
	}
	return p.Levels[i], true
}

func alikeIDs(l idmap.PlannedLevel) bool {
	return slices.Equal(l.Map.UID, l.Map.GID) && slices.Equal(l.Host.UID, l.Host.GID)
}

// mapRow is a row of the table, with four planned and four seen numbers.
type mapRow struct {
	level         int
	ids           string
	planned, seen string
	note          string
}

func mapRows(level int, ids, note string, planned, seen []string) []mapRow {
	var rows []mapRow
	for i := range max(len(planned), len(seen), 1) {
		row := mapRow{level: level, ids: ids, planned: excerpt.At(planned, i), seen: excerpt.At(seen, i), note: note}
		if note == "" && row.planned != row.seen {
			row.note = "<- differs"
		}
		rows = append(rows, row)
	}
	return rows
}

// mappingCells returns the cells of each mapping: inside, parent, host and count.
func mappingCells(parent, host []idmap.Mapping) []string {
	var lines []string
	for _, m := range parent {
		onHost := "none"
		if id, ok := idmap.Up(host, m.Inside); ok {
			onHost = fmt.Sprint(id)
		}
		lines = append(lines, fmt.Sprintf("%d\t%d\t%s\t%d", m.Inside, m.Parent, onHost, m.Count))
	}
	return lines
}

// alignRows aligns the columns, and appends the notes to their lines.
func alignRows(rows []mapRow) []string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t\tplanned\t\t\t\t|\tseen\t\t\t\t")
	fmt.Fprintln(t, "level\tids\tinside\tparent\thost\tcount\t|\tinside\tparent\thost\tcount\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t|\t%s\t\n", r.level, r.ids, cells(r.planned), cells(r.seen))
	}
	_ = t.Flush() // a strings.Builder never fails
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		if i >= 2 && rows[i-2].note != "" {
			lines[i] += "  " + rows[i-2].note
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// cells returns four cells, also if there is no mapping.
func cells(line string) string {
	if line == "nothing" {
		return "-\t-\t-\t-"
	}
	return line
}
