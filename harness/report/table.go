package report

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// WriteTable prints the maps of the levels, one line for each mapping. Uids and gids share a line
// if their maps are equal.
func WriteTable(w io.Writer, levels []Level) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "level\tname\tids\tinside\tparent\thost\tcount\t")
	for _, l := range levels {
		if slices.Equal(l.Map.UID, l.Map.GID) && slices.Equal(l.Host.UID, l.Host.GID) {
			writeRows(t, l, "uid+gid", l.Map.UID, l.Host.UID)
			continue
		}
		writeRows(t, l, "uid", l.Map.UID, l.Host.UID)
		writeRows(t, l, "gid", l.Map.GID, l.Host.GID)
	}
	return t.Flush()
}

func writeRows(w io.Writer, l Level, kind string, parent, host []idmap.Mapping) {
	for _, m := range parent {
		onHost, _ := idmap.Up(host, m.Inside)
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t\n", l.Level, l.Name, kind, m.Inside, m.Parent, onHost, m.Count)
	}
}

// WriteChecks prints how many checks of each subject passed, and then every failed check.
func WriteChecks(w io.Writer, checks []harness.Check) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range probe.Subjects() {
		of := slices.DeleteFunc(slices.Clone(checks), func(c harness.Check) bool { return c.Subject != s })
		if len(of) == 0 {
			continue
		}
		failed := harness.Failed(of)
		verdict := "ok"
		if len(failed) > 0 {
			verdict = "FAILED"
		}
		fmt.Fprintf(t, "  %s\t%s\t%d of %d\t%s\n", verdict, s, len(of)-len(failed), len(of), meaning[s])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range harness.Failed(checks) {
		fmt.Fprintf(w, "  FAILED %s\n", c)
	}
	return nil
}

// meaning describes the checks of each subject.
var meaning = map[harness.Subject]string{
	harness.IDMaps:    "uid and gid maps are the planned ones, seen inside and from the host",
	harness.Processes: "init and a new process run under the planned host ids",
	harness.Files:     "files made by users 0, 1000 and 65535 belong to the planned host ids",
	harness.Edges:     "chown to the last id works, to the first beyond it fails",
	harness.Sentinels: "the image's file arrived with owner, ACL and (where LXD keeps it) capability",
	harness.Daemons:   "the LXD inside answers, in the version of its bundle",
	harness.Privilege: "nothing is privileged",
	harness.Programs:  "/usr is that of the level's bundle, and read-only if the level above has the same",
}
