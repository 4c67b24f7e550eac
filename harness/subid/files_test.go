package subid_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
	"nestbed/harness/subid"
)

// files returns the same file for uids and gids, of a machine with all ids unless own has some.
func files(flavor idmap.Flavor, own uint32, lines ...string) subid.Files {
	f := idmap.File{Text: strings.Join(lines, "\n") + "\n"}
	m := idmap.Identity()
	if own > 0 {
		level := []idmap.Mapping{{Parent: 500000, Count: own}}
		m = idmap.Map{UID: level, GID: level}
	}
	return subid.Files{
		UIDPath: "subuid", GIDPath: "subgid", Own: m,
		Daemon: idmap.Daemon{Flavor: flavor, ShadowTools: true, Delegation: idmap.Delegation{UID: f, GID: f}},
	}
}

// The texts of public reports, and what resolved them.
func TestProblemsOfPublicReports(t *testing.T) {
	collide := " uses each of these lines from inside id 0 on, and the kernel refuses a map that has an id twice"
	for thread, c := range map[string]struct {
		files subid.Files
		lines []int
		text  string
		fix   string
	}{
		"lxc/incus#458: keep one line": {
			files(idmap.Incus, 0, "root:1000:1", "root:100000:65536", "root:165536:65536", "root:1000000:1000000000"),
			[]int{2, 3, 4},
			"Incus" + collide, "keep line 2 (root:100000:65536), the one that LXD uses, and remove lines 3, 4",
		},
		"NixOS/nixpkgs#333293": {
			files(idmap.Incus, 0, "root:1000000:1000000000", "root:1000000:65536"),
			[]int{1, 2},
			"Incus" + collide, "keep line 1 (root:1000000:1000000000), the one that LXD uses, and remove line 2",
		},
		"zabbly/incus#55: keep the first, or merge": {
			files(idmap.Incus, 0, "root:1000000:1000000000", "root:1001000000:1000000000"),
			[]int{1, 2},
			"Incus" + collide,
			"keep line 1 (root:1000000:1000000000), the one that LXD uses, and remove line 2; or write one line in their place: root:1000000:2000000000",
		},
		"canonical/lxd#10503: usermod --add-subuids": {
			files(idmap.LXD, 0), nil, "no line is root's, so newuidmap grants no ids", "write the line root:1000000:1000000000",
		},
		"canonical/lxd#9722": {
			files(idmap.LXD, 0, "root:100000:65535"), []int{1}, "it has 65535 ids, 1 fewer than a container needs", "line 1: root:100000:65536",
		},
		"canonical/lxd#1364: two ids short, at level 4": {
			files(idmap.LXD, 131072, "lxd:100000:65536", "ubuntu:165536:65533", "root:131069:65536", "lxd:100000:65536", "root:100000:65536"),
			[]int{3},
			"ids 131069 to 196604 do not all exist here: this level has 131072 ids", "line 3: root:65536:65536",
		},
		"canonical/lxd#2885: at least 165537 ids": {
			files(idmap.LXD, 65536, "root:100000:65536"),
			[]int{1},
			"ids 100000 to 165535 do not all exist here: this level has 65536 ids",
			"give this level 131072 ids or more from above; then line 1: root:65536:65536",
		},
		"a comment behind an entry": {
			files(idmap.LXD, 0, "root:500000:65536 # for nesting"),
			[]int{1},
			"LXD accepts only decimal numbers below 4294967296, and nothing else in the line", "line 1: root:500000:65536",
		},
		"capitals": {
			files(idmap.LXD, 0, "ROOT:500000:65536"), []int{1}, "LXD accepts this line, but newuidmap does not", "line 1: root:500000:65536",
		},
		"a line of one word": {
			files(idmap.LXD, 0, "root:500000:65536", "lxd"), []int{2}, "it has fewer than three fields, so LXD accepts no line of the file", "write line 2 as owner:start:count, or begin it with #",
		},
	} {
		t.Run(thread, func(t *testing.T) {
			assert.Equal(t, []subid.Problem{{Files: []string{"subuid", "subgid"}, Lines: c.lines, Text: c.text, Fix: c.fix}}, c.files.Problems())
		})
	}
	missing := files(idmap.LXD, 0, "root:500000:65536")
	missing.Daemon.Delegation.GID = idmap.File{Missing: true}
	assert.Equal(t, []subid.Problem{{Files: []string{"subgid"}, Text: "it is missing, so LXD does not use subuid either", Fix: "write the line root:500000:65536"}}, missing.Problems())
	assert.Empty(t, files(idmap.Incus, 0, "root:500000:65536", "root:500000:65536").Problems(), "equal lines count once")
	assert.Empty(t, files(idmap.LXD, 0, "_lxd:500000:65536", "root:500000:65536").Problems(), "LXD's own account")
}

// moby/moby#49810 and rootless-containers/rootlesskit#476 are about a user's own id in the range.
func TestOthersWhoCanEnterContainers(t *testing.T) {
	f := files(idmap.LXD, 0, "me:100000:65536", "root:100000:131072", "you:231072:65536")
	f.Users = []subid.Account{{Name: "root"}, {Name: "directory", ID: 200000}}
	f.Groups = []subid.Account{{Name: "staff", ID: 100000}}
	assert.Equal(t, []subid.Problem{
		{Files: []string{"subuid"}, Lines: []int{1, 2}, Works: true, Text: "user me may map uids of root's containers, and so act as their users", Fix: "line 1: me:1000000:65536"},
		{
			Files: []string{"subuid"}, Lines: []int{2}, Works: true, Text: "user directory has the id 200000, and so the rights of a container's user 100000",
			Fix: "line 2: a range without 200000, such as root:1000000:131072",
		},
		{Files: []string{"subgid"}, Lines: []int{1, 2}, Works: true, Text: "user me may map gids of root's containers, and so act as their groups", Fix: "line 1: me:1000000:65536"},
		{
			Files: []string{"subgid"}, Lines: []int{2}, Works: true, Text: "group staff has the id 100000, and so the rights of a container's group 0",
			Fix: "line 2: a range without 100000, such as root:1000000:131072",
		},
	}, f.Problems())
}

func TestProblemsOfRootlessEngines(t *testing.T) {
	me := subid.Account{Name: "me", ID: 1000}
	for want, f := range map[string]subid.Files{
		"": files(idmap.LXD, 0, "lxd", "1000:100000:32768", "me:200000:32768"),
		"cannot work: it has me's own id 1000, which is mapped to 0 already, and the kernel refuses a map that has an id twice; line 1: me:1000000:65536": files(idmap.LXD, 0, "me:1000:65536"),
		"cannot work: they overlap, and the kernel refuses a map that has an id twice; line 2: me:1000000:65536":                                          files(idmap.LXD, 0, "me:100000:65536", "me:165535:65536"),
		"cannot work: ids 100000 to 165535 do not all exist here: this level has 131072 ids; line 1: me:65536:65536":                                      files(idmap.LXD, 131072, "me:100000:65536"),
		"cannot work: me has no line, so its containers have one id only; write the line me:1000000:65536":                                                files(idmap.LXD, 0, "root:100000:65536"),
		"works, but: me has 1000 ids: images with files of other owners cannot be unpacked; write the line me:1000000:65536":                              files(idmap.LXD, 0, "me:100000:1000"),
	} {
		got := ""
		for _, p := range f.Rootless(me) {
			got += map[bool]string{true: "works, but: ", false: "cannot work: "}[p.Works] + p.Text + "; " + p.Fix
		}
		assert.Equal(t, want, got)
	}
	f := files(idmap.LXD, 0, "me:100000:65536")
	f.Daemon.ShadowTools = false
	require.Len(t, f.Rootless(me), 1)
	assert.Equal(t, []string{"newuidmap"}, f.Rootless(me)[0].Files)
}

var (
	oneLine = regexp.MustCompile(`(?:^|then )line (\d+): (root:\d+:\d+)$`)
	newLine = regexp.MustCompile(`^write the line (root:\d+:\d+)$`)
	removed = regexp.MustCompile(`remove lines? ([\d, ]+)`)
	comment = regexp.MustCompile(`^write line (\d+) as owner`)
)

// fixed returns the text of a file after a fix.
func fixed(t require.TestingT, text, fix string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n - 1
	}
	switch {
	case oneLine.MatchString(fix):
		m := oneLine.FindStringSubmatch(fix)
		lines[number(m[1])] = m[2]
	case newLine.MatchString(fix):
		lines = append(lines, newLine.FindStringSubmatch(fix)[1])
	case removed.MatchString(fix):
		all := strings.Split(removed.FindStringSubmatch(fix)[1], ", ")
		for _, n := range slices.Backward(all) {
			lines = slices.Delete(lines, number(n), number(n)+1)
		}
	case comment.MatchString(fix):
		lines[number(comment.FindStringSubmatch(fix)[1])] = "#"
	default:
		require.Fail(t, "not a fix: "+fix)
	}
	return strings.Join(lines, "\n") + "\n"
}

// After the fixes, containers start: the model of the daemon and the kernel says so.
func TestTheFixesAreEnough(t *testing.T) {
	line := rapid.Custom(func(t *rapid.T) string {
		owner := rapid.SampledFrom([]string{"root", "root", "root", "ROOT", "me", "lxd", "0"}).Draw(t, "owner")
		start := rapid.SampledFrom([]string{"65536", "100000", "131069", "0x10000", "1000000", "4294900000"}).Draw(t, "start")
		count := rapid.SampledFrom([]string{"1", "65535", "65536", "131072", "1000000000", " 65536"}).Draw(t, "count")
		return rapid.SampledFrom([]string{owner + ":" + start + ":" + count, owner + ":" + start + ":" + count + " # x", owner + ":1", "", "# x"}).Draw(t, "line")
	})
	rapid.Check(t, func(t *rapid.T) {
		flavor := rapid.SampledFrom([]idmap.Flavor{idmap.LXD, idmap.Incus}).Draw(t, "flavor")
		own := rapid.SampledFrom([]uint32{0, 131072, 200000, 1000000}).Draw(t, "own")
		f := files(flavor, own)
		for _, file := range []*idmap.File{&f.Daemon.Delegation.UID, &f.Daemon.Delegation.GID} {
			file.Missing = rapid.IntRange(0, 9).Draw(t, "missing") == 0
			file.Text = strings.Join(rapid.SliceOfN(line, 0, 4).Draw(t, "lines"), "\n") + "\n"
		}
		for range 8 {
			for _, p := range f.Problems() {
				for _, path := range p.Files {
					file := &f.Daemon.Delegation.UID
					if path == "subgid" {
						file = &f.Daemon.Delegation.GID
					}
					if !p.Works {
						*file = idmap.File{Text: fixed(t, file.Text, p.Fix)}
					}
				}
				if !p.Works {
					break // a fix may change what the next problem is
				}
			}
		}
		for _, p := range f.Problems() {
			require.True(t, p.Works, "%+v in %+v", p, f.Daemon.Delegation)
		}
		depth, plan := f.Daemon.Reach(f.Own, true)
		require.Positive(t, depth, "%s with %+v", plan.Stop, f.Daemon.Delegation)
	})
}

func TestProblemsOfAContainer(t *testing.T) {
	host := files(idmap.LXD, 0, "root:1000000:1000000000")
	for want, c := range map[string]struct {
		files  subid.Files
		config map[string]string
	}{
		"": {host, map[string]string{"security.idmap.isolated": "true", "volatile.idmap.base": "1065536"}},
		"subuid and subgid: raw.idmap names ids from 1000 on, which newuidmap does not grant root; write the line root:1000:1 after the others, and restart LXD":                                                                       {host, map[string]string{"raw.idmap": "both 1000 1000"}},                                                             // canonical/lxd#3439
		"raw.idmap: it names an id of the range that containers get anyway, and LXD refuses that; choose a range for root without that id, in both files, or remove the line":                                                          {files(idmap.LXD, 0, "root:1000000:1000000000"), map[string]string{"raw.idmap": "both 595156457 0\nboth 1000000 5"}}, // canonical/charmcraft#1054
		"raw.idmap: it has a line that LXD does not read; write each line as \"both|uid|gid HOST-ID CONTAINER-ID\", with one space between":                                                                                            {host, map[string]string{"raw.idmap": "uid 1000"}},
		"volatile.idmap.base: the container was made before it was isolated, or with another allocation: its base 0 lies below 1000000, where the ids of containers begin; make it again: copy the container, and delete the original": {host, map[string]string{"security.idmap.isolated": "true", "volatile.idmap.base": "0"}}, // lxc/incus#1659
		"security.idmap.isolated: isolated containers do not get the first 65536 ids, and the rest of the allocation is too small; give root 65536 ids more in both files, or set a smaller security.idmap.size":                       {files(idmap.LXD, 0, "root:500000:131072"), map[string]string{"security.idmap.isolated": "true"}},
	} {
		got := ""
		for _, p := range c.files.Container(c.config) {
			got += strings.Join(p.Files, " and ") + ": " + p.Text + "; " + p.Fix
		}
		assert.Equal(t, want, got)
	}
	granted := files(idmap.LXD, 0, "root:1000000:1000000000", "root:1000:1")
	assert.Empty(t, granted.Container(map[string]string{"raw.idmap": "both 1000 1000"}), "the fix is enough")
	assert.Empty(t, files(idmap.LXD, 0, "root:1:1").Container(nil), "the files have the problem")
}

func BenchmarkProblemsOf100000Lines(b *testing.B) {
	var lines []string
	for i := range 50000 {
		lines = append(lines, fmt.Sprintf("user%d:%d:65536", i, 100000+i), fmt.Sprintf("me:%d:1", 200000+2*i))
	}
	f := files(idmap.LXD, 0, append(lines, "root:100000:100000")...)
	for b.Loop() {
		f.Problems()
		f.Rootless(subid.Account{Name: "me", ID: 1000})
	}
}
