// Package commands returns the shell commands with which a chain is made by hand, on a machine or
// in a report to LXD's or Incus's developers. It runs none of them.
package commands

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/bridge"
	"nestbed/harness/idmap"
)

// For returns the commands for the place where a daemon runs, the host or a level. They write its
// subid files, make the daemon read them, and create the container of the given level, below it,
// from an image called IMAGE. Lines of other owners stay in files with one line for root.
func For(d idmap.Daemon, level int) []string {
	return append(write(d.Delegation, true), create(d, level)...)
}

// create returns the commands that make the daemon read its files, make a bridge if there is to be
// one, and create the container.
func create(d idmap.Daemon, level int) []string {
	client, service := "lxc", "lxd"
	if d.Flavor.Incus() {
		client, service = "incus", "incus"
	}
	all := []string{"systemctl restart " + service}
	launch := fmt.Sprintf("%s launch IMAGE c%d", client, level)
	if d.Network != nil {
		network := client + " network create " + bridge.Name
		for _, key := range slices.Sorted(maps.Keys(d.Network)) {
			network += " " + word(key+"="+d.Network[key])
		}
		all = append(all, network)
		launch += " -n " + bridge.Name
		for _, key := range slices.Sorted(maps.Keys(d.Interface)) {
			launch += " -d " + word("eth0,"+key+"="+d.Interface[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Config)) {
		launch += " -c " + word(key+"="+d.Config[key])
	}
	return append(all, launch)
}

// Script returns the commands for all daemons of a chain, the host's first, in one line for each
// that begins with the place.
func Script(daemons []idmap.Daemon) []string {
	var lines []string
	for i, d := range daemons {
		place := "host"
		if i > 0 {
			place = fmt.Sprintf("c%d", i)
		}
		all := append(write(d.Delegation, i == 0), create(d, i+1)...)
		if !d.ShadowTools {
			all = append(all, "# without newuidmap and newgidmap")
		}
		lines = append(lines, place+"# "+strings.Join(slices.DeleteFunc(all, func(c string) bool { return strings.HasPrefix(c, alternative) }), "; "))
	}
	return lines
}

// alternative is the beginning of a command that has the same effect as those before it.
const alternative = "# or: "

// write returns the commands that write subid files. With keep, lines of other owners stay if both
// files have one and the same line.
func write(d idmap.Delegation, keep bool) []string {
	if a, err := idmap.ParseAllocation(strings.TrimSuffix(d.UID.Text, "\n")); err == nil && keep && d == idmap.Delegate(a) && a.Count > 0 {
		ids := fmt.Sprintf("%d-%d", a.Start, a.Last())
		return []string{
			// LXD uses the owner's first line, so old lines are removed.
			fmt.Sprintf("touch /etc/subuid /etc/subgid && sed -i '/^%s:/Id' /etc/subuid /etc/subgid", a.Owner),
			fmt.Sprintf("echo %s | tee -a /etc/subuid /etc/subgid", a),
			fmt.Sprintf(alternative+"usermod --add-subuids %s --add-subgids %s %s", ids, ids, a.Owner),
		}
	}
	if d.UID == d.GID && !d.UID.Missing {
		return []string{printf(d.UID.Text) + " | tee /etc/subuid /etc/subgid"}
	}
	var lines []string
	for _, f := range []struct {
		path string
		file idmap.File
	}{{"/etc/subuid", d.UID}, {"/etc/subgid", d.GID}} {
		if f.file.Missing {
			lines = append(lines, "rm -f "+f.path)
			continue
		}
		lines = append(lines, printf(f.file.Text)+" > "+f.path)
	}
	return lines
}

// printf returns a command that prints a text, in one line of ASCII: what a terminal shows is what
// a shell gets.
func printf(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '%':
			b.WriteString("%%")
		case c < ' ' || c > '~' || c == '\\' || c == '\'':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return "printf '" + b.String() + "'"
}

// plain matches a word that no shell changes.
var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// word returns a text as one word of a shell, in one line, quoted if it has to be.
func word(text string) string {
	switch {
	case plain.MatchString(text):
		return text
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		return `"$(` + printf(text) + `)"` // without line breaks at the end, which LXD needs nowhere
	}
	return Quote(text)
}

// Quote quotes a text as one word of a shell.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
