package main

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	mobyuser "github.com/moby/sys/user"
	"github.com/spf13/cobra"

	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/printable"
	"nestbed/harness/reach"
	"nestbed/harness/subid"
)

// files returns the files that the flags name and what decides whether they work. tools says what
// newuidmap and newgidmap are.
func (f checkFlags) files() (files subid.Files, tools string, err error) {
	files.UIDPath, files.GIDPath = f.subuid, f.subgid
	d := &files.Daemon
	if d.Flavor, err = idmap.ParseFlavor(f.flavor); err != nil {
		return files, "", &usageError{fmt.Errorf("--flavor: %w", err)}
	}
	if files.Own, err = f.ownMap(); err != nil {
		return files, "", err
	}
	switch f.newuidmap {
	case "yes", "no":
		d.ShadowTools = f.newuidmap == "yes"
		tools = map[bool]string{true: "installed, as --newuidmap says", false: "not installed, as --newuidmap says"}[d.ShadowTools]
	case "":
		found, err := inventory.FindShadowTools()
		if err != nil {
			return files, "", err
		}
		d.ShadowTools, d.Shadow, tools = found.Usable, found.Version, found.Found
	default:
		return files, "", &usageError{fmt.Errorf("--newuidmap %s: not known; use yes or no", f.newuidmap)}
	}
	if d.Delegation.UID, err = readSubID(f.subuid); err != nil {
		return files, "", err
	}
	if d.Delegation.GID, err = readSubID(f.subgid); err != nil {
		return files, "", err
	}
	if f.own == "" { // otherwise the files are not this machine's
		files.Users, files.Groups = accounts()
	}
	return files, tools, nil
}

// ownMap returns the idmap of the place where the files are.
func (f checkFlags) ownMap() (m idmap.Map, err error) {
	if f.own == "" {
		return reach.OwnMap()
	}
	text := strings.NewReplacer(":", " ", ",", "\n").Replace(f.own)
	if content, err := os.ReadFile(f.own); err == nil {
		text = string(content)
	}
	m.UID, err = idmap.ParseMappings(text)
	m.GID = m.UID
	if err != nil {
		return m, &usageError{fmt.Errorf("--own %s: %w; give inside:parent:count, or a file such as /proc/PID/uid_map", printable.Line(f.own), err)}
	}
	return m, nil
}

// accounts returns the users and groups of this machine's files. Those of a directory service are
// not looked up. A file that cannot be read has no accounts.
func accounts() (users, groups []subid.Account) {
	passwd, _ := mobyuser.ParsePasswdFile("/etc/passwd")
	for _, u := range passwd {
		users = append(users, subid.Account{Name: u.Name, ID: uint32(u.Uid)})
	}
	group, _ := mobyuser.ParseGroupFile("/etc/group")
	for _, g := range group {
		groups = append(groups, subid.Account{Name: g.Name, ID: uint32(g.Gid)})
	}
	return users, groups
}

// rootless prints what does not work for a user's own engine.
func (f checkFlags) rootless(cmd *cobra.Command, files subid.Files) error {
	account := subid.Account{Name: f.owner}
	if u, err := user.Lookup(f.owner); err == nil {
		id, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return err
		}
		account.ID = uint32(id)
	} else {
		return &usageError{fmt.Errorf("--owner: %w; name a user of this machine", err)}
	}
	problems := files.Rootless(account)
	if f.json {
		if err := writeJSON(cmd.OutOrStdout(), append([]subid.Problem{}, problems...)); err != nil {
			return err
		}
	} else {
		writeProblems(cmd.OutOrStdout(), problems)
	}
	if cannotWork(problems) {
		return fmt.Errorf("rootless containers of %s cannot start as they should; see above", f.owner)
	}
	if !f.json {
		fmt.Fprintf(cmd.OutOrStdout(), "rootless containers of %s work with these files\n", f.owner)
	}
	return nil
}

// writeProblems prints problems, those that keep containers from starting first.
func writeProblems(w io.Writer, problems []subid.Problem) {
	for _, works := range []bool{false, true} {
		for _, p := range problems {
			if p.Works != works {
				continue
			}
			verdict := map[bool]string{true: "works, but", false: "cannot work"}[p.Works]
			fmt.Fprintf(w, "%s: %s: %s\n  fix: %s\n", where(p), verdict, printable.Line(p.Text), printable.Line(p.Fix))
		}
	}
}

// where returns the files and the lines of a problem.
func where(p subid.Problem) string {
	text := printable.Line(strings.Join(p.Files, " and "))
	for i, n := range p.Lines {
		switch {
		case i == 0 && len(p.Lines) == 1:
			text += " line "
		case i == 0:
			text += " lines "
		case i == len(p.Lines)-1:
			text += " and "
		default:
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	return text
}

// otherProgram is what the other of LXD and Incus makes of the same files.
type otherProgram struct {
	Flavor   idmap.Flavor    `json:"flavor"`
	Stop     *idmap.Stop     `json:"stop,omitempty"` // at level 1
	Map      idmap.Map       `json:"map"`            // of its containers
	Problems []subid.Problem `json:"problems"`
}

func otherOf(files subid.Files) otherProgram {
	other := idmap.Incus
	if files.Daemon.Flavor.Incus() {
		other = idmap.LXD
	}
	files.Daemon.Flavor = other
	o := otherProgram{Flavor: other, Problems: []subid.Problem{}}
	depth, plan := files.Daemon.Reach(files.Own, true)
	if depth == 0 {
		o.Stop = plan.Stop
	} else {
		o.Map = plan.Levels[0].Map
	}
	for _, p := range files.Problems() {
		if !p.Works {
			o.Problems = append(o.Problems, p)
		}
	}
	return o
}

// String says it, with the problems in lines of their own.
func (o otherProgram) String() string {
	if o.Stop == nil {
		return fmt.Sprintf("%s would give its containers  uids %s, gids %s", o.Flavor, ranges(o.Map.UID), ranges(o.Map.GID))
	}
	var b strings.Builder
	writeProblems(&b, o.Problems)
	lines := strings.ReplaceAll("\n"+strings.TrimRight(b.String(), "\n"), "\n", "\n  ")
	return fmt.Sprintf("%s could start no container with these files: %s%s", o.Flavor, o.Stop, strings.TrimRight(lines, " "))
}
