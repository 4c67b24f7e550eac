package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

// checked runs check on subid files with the given text. tools decides whether newuidmap and
// newgidmap count as installed.
func checked(t *testing.T, tools bool, subuid, subgid string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	installed := map[bool]string{true: "yes", false: "no"}[tools]
	return nestbed(t, append([]string{"check", "--newuidmap", installed, "--subuid", subuid, "--subgid", subgid}, args...)...)
}

func TestCheckShowsHowLXDReadsTheFiles(t *testing.T) {
	subuid := file(t, "# mine", "lxd:100000:65536", "root:100:100", "root:500000:196608", "root:900000:65536")
	subgid := file(t, "root:500000:196608")
	status, stdout, stderr := checked(t, true, subuid, subgid)
	assert.Equal(t, 0, status)
	assert.Empty(t, stderr)
	assert.Equal(t, subuid+`
  line 1  no entry       # mine
  line 2  another owner  lxd:100000:65536
  line 3  too small      root:100:100
  line 4  picked         root:500000:196608
  line 5  not the first  root:900000:65536
`+subgid+`
  line 1  picked  root:500000:196608

newuidmap and newgidmap  installed, as --newuidmap says
LXD gives its containers  uids 500000 to 696607, gids 500000 to 696607
reaches depth 3 if every level keeps 65536 ids and hands down the rest, 2 if no level has subid files
depth 4 takes root:500000:262144 (nestbed plan --depth 4 --start 500000)

host  500000                  565536                  631072
c1    ├───────────────────────────────────────────────────────────────────────┤
c2                            ├───────────────────────────────────────────────┤
c3                                                    ├───────────────────────┤

works, but:
  level 1: /etc/subuid line 5 (root:900000:65536) of the host is passed over: LXD takes the first that is large enough
  level 1: containers beside it that are not isolated have the same ids, and share one quota of kernel keys with it

Incus could start no container with these files: level 1, start: idmap invalid
  `+subuid+` lines 4 and 5: cannot work: Incus uses each of these lines from inside id 0 on, and the kernel refuses a map that has an id twice
    fix: keep line 4 (root:500000:196608), the one that LXD uses, and remove line 5
`, stdout)

	status, stdout, _ = checked(t, true, subuid, subgid, "--json")
	assert.Equal(t, 0, status)
	var m machine
	require.NoError(t, json.Unmarshal([]byte(stdout), &m))
	assert.Equal(t, 3, m.Depth)
	assert.Equal(t, idmap.Picked, m.SubUID[3].Verdict)
	assert.Equal(t, "root:500000:262144", m.Deeper)
}

func TestCheckEscapesTheTextOfFiles(t *testing.T) {
	const evil = "\x1b[2J\u009b\u202e\r\xff"
	const shown = `\u001b[2J\u009b\u202e\u000d\xff`
	subid := file(t, "# "+evil, "root:500000:65536")
	status, stdout, stderr := checked(t, true, subid, subid)
	assert.Zero(t, status, stderr)
	assert.Equal(t, 2, strings.Count(stdout, "# "+shown+"\n"), stdout)
	assert.Equal(t, stdout, printable.Text(stdout))

	status, stdout, stderr = checked(t, true, subid, subid, "--json")
	assert.Zero(t, status, stderr)
	assert.Equal(t, stdout, printable.Text(stdout))
	var m machine
	require.NoError(t, json.Unmarshal([]byte(stdout), &m))
	assert.Equal(t, strings.ToValidUTF8("# "+evil, "\ufffd"), m.SubUID[0].Text, "JSON has the same text")

	for _, args := range [][]string{{"check", file(t, "c1 "+evil)}, {"translate", "c1/c2", "0", "--file", file(t, "c"+evil+" 0:0:1")}, {"check", "--flavor", evil}} {
		_, stdout, stderr := nestbed(t, args...)
		assert.NotEmpty(t, stderr)
		assert.Equal(t, stdout+stderr, printable.Text(stdout+stderr), "%q", args)
	}
	_, stdout, _ = nestbed(t, "check", file(t, "c\x1b\u009b\xff 0:0:65536"))
	assert.Contains(t, stdout, `c\u001b\u009b\xff`)
	assert.Equal(t, stdout, printable.Text(stdout))
}

func TestCheckFailsIfNoContainerCanBeMade(t *testing.T) {
	good, none := file(t, "root:500000:196608"), filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		subuid, subgid string
		tools          bool
		want           string // empty if it works
	}{
		{good, good, true, ""},
		{good, none, false, ""},
		{good, none, true, "level 1, start: refused by newuidmap (/etc/subgid is missing)"},
		{file(t, "root"), good, true, "level 1, create: subid file malformed (/etc/subuid line 1 is malformed)"},
		{good, file(t, "root:500000:65535"), true, "level 1, start: uid and gid disagree (/etc/subgid has no line for root with 65536 ids or more)"},
	} {
		status, _, stderr := checked(t, c.tools, c.subuid, c.subgid)
		if c.want == "" {
			assert.Equal(t, 0, status, stderr)
			continue
		}
		assert.Equal(t, 1, status)
		assert.Equal(t, "nestbed: no unprivileged container can be made with these files: "+c.want+"; nestbed plan says what they must hold\n", stderr)
	}
}

func TestCheckOfADescription(t *testing.T) {
	path := file(t, "c1 0:500000:131072  # two blocks", "c1/c2 0:65536:65537", "c1/web u:0:1000:65536", "c1/web g:0:65536:65536")
	status, stdout, stderr := nestbed(t, "check", path)
	assert.Equal(t, 1, status)
	assert.Equal(t, "nestbed: "+path+": cannot work as described (problems: 1)\n", stderr)
	assert.Equal(t, `  container      ids  parent start  parent end  container start  container end  host start  host end
         c1  uid+gid        500000      631071                0         131071      500000    631071
      c1/c2  uid+gid         65536      131072                0          65536      565536      none
     c1/web      uid          1000       66535                0          65535      501000    566535
     c1/web      gid         65536      131071                0          65535      565536    631071

host    500000                             565536
c1      ├─────────────────────────────────────────────────────────────────────┤
c1/c2                                      ┣┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┫
c1/web   ├─────────────────────────────────┤

line 2: cannot work: c1/c2: takes uids 65536 to 131072 of c1, which has 0 to 131071
  fix: line 1: c1 0:500000:131073
line 2: works, but: c1/c2: it shares uids from 65536 on with c1/web
line 3: works, but: c1/web: it shares uids from 1000 on with c1's own users
line 4: works, but: c1/web: it shares gids from 65536 on with c1/c2
`, stdout)

	svg := filepath.Join(t.TempDir(), "c.svg")
	status, stdout, stderr = nestbed(t, "check", file(t, "c1 0:500000:131072", "c1/c2 0:65536:65536"), "--json", "--svg", svg)
	assert.Equal(t, 0, status, stderr)
	var d description
	require.NoError(t, json.Unmarshal([]byte(stdout), &d))
	assert.True(t, d.Works)
	assert.Empty(t, d.Problems)
	assert.EqualValues(t, 565536, d.Containers[1].HostMap.UID[0].Parent)
	assert.FileExists(t, svg)
}

func TestAnUnreadableDescriptionIsAUsageError(t *testing.T) {
	for text, want := range map[string]string{
		"c1 0:1":  `line 1: read the mapping "0:1", expected inside:parent:count, such as 0:65536:131072`,
		"# empty": "read no containers, expected lines such as c1/c2 0:65536:131072",
	} {
		path := file(t, text)
		status, stdout, stderr := nestbed(t, "check", path)
		assert.Equal(t, 2, status)
		assert.Equal(t, "nestbed: "+path+": "+want+"\n", stderr)
		assert.Empty(t, stdout)
	}
	status, _, stderr := nestbed(t, "check", "/no/such/file")
	assert.Equal(t, 2, status)
	assert.Equal(t, "nestbed: open /no/such/file: no such file or directory\n", stderr)
}

func BenchmarkCheckOf100000Lines(b *testing.B) {
	var text strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&text, "a%d 0:%d:65536\na%d/b 0:65536:65536\n", i, 500000+i, i)
	}
	path := filepath.Join(b.TempDir(), "file")
	require.NoError(b, os.WriteFile(path, []byte(text.String()), 0o600))
	for b.Loop() {
		t, err := readTree(path)
		require.NoError(b, err)
		require.NoError(b, describe(t).write(io.Discard))
	}
}
