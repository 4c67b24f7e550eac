package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/classify"
)

const collision = `lxc c1 20261130100000.101 ERROR    idmap_utils - newuidmap failed to write mapping "newuidmap: write to uid_map failed: Invalid argument": newuidmap 5083 0 1000000 1000000000 0 1001000000 1000000000`

func TestExplainSaysWhyAndWhatToDo(t *testing.T) {
	status, stdout, stderr := nestbed(t, "explain", file(t, "Error: Failed to run: /usr/libexec/incus/incusd forkstart c1", collision))
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	assert.Equal(t, `idmap invalid, at start

  The kernel refuses the idmap, because it contradicts itself.
  - these lines of root's collide: root:1000000:1000000000,
    root:1001000000:1000000000
  - each of them would be the ids 0 to 999999999 of the container
  - root:1000000:1000000000 and root:1001000000:1000000000 lie side by side:
    root:1000000:2000000000 is the same ids in one line

  why   Incus uses every line of root's in /etc/subuid and /etc/subgid that has
        65536 ids or more, and maps each from id 0 on. The kernel accepts an id
        only once. LXD uses the first of these lines only.
  do    Keep root:1000000:1000000000, which has the most ids:
        Incus: sed -i -e '/^root:1001000000:1000000000$/d' /etc/subuid /etc/subgid && systemctl restart incus
        nestbed check --flavor incus
  from  features/subid.feature: Incus takes both entries that are large enough,
        and the kernel refuses the overlapping map; features/migration.feature:
        With one line left, Incus starts new containers; lxc/incus#458

  lines
    2: lxc c1 20261130100000.101 ERROR    idmap_utils - newuidmap failed to write mapping "newuidmap: write to uid_map failed: Invalid argument": newuidmap 5083 0 1000000 1000000000 0 1001000000 1000000000

lines read: 2; 1 of them only follow from a failed start, or come with every start
`, stdout)
}

func TestExplainPrintsFindingsAsJSON(t *testing.T) {
	status, stdout, _ := nestbed(t, "explain", "--json", file(t, collision))
	assert.Zero(t, status)
	var findings []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &findings))
	require.Len(t, findings, 1)
	assert.Equal(t, "idmap invalid", findings[0]["reason"])
	assert.Equal(t, "start", findings[0]["operation"])
	for _, field := range []string{"cause", "fix", "source", "lines", "facts"} {
		assert.NotEmpty(t, findings[0][field], field)
	}
	assert.Equal(t, map[string]any{"for": "Incus", "command": "sed -i -e '/^root:1001000000:1000000000$/d' /etc/subuid /etc/subgid && systemctl restart incus"},
		findings[0]["fix"].([]any)[1])

	status, stdout, stderr := nestbed(t, "explain", "--json", file(t, "hello"))
	assert.Equal(t, 1, status)
	assert.JSONEq(t, "[]", stdout)
	assert.Contains(t, stderr, "not known")
}

func TestExplainSaysIfNothingIsKnown(t *testing.T) {
	status, stdout, stderr := nestbed(t, "explain", file(t, "hello", "world"))
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, ": not known: no line of 2 has a known cause; for a failed start, take the output of lxc (or incus) info --show-log NAME\n")

	status, _, stderr = nestbed(t, "explain", file(t, "Error: Failed to run: lxd forkstart c1: exit status 1"))
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, ": not known: lines that only say that a start failed: 1 of 1; the cause is in the container's log")
}

// stdin gives the command a file as standard input.
func stdin(t *testing.T, path string, flag int) {
	t.Helper()
	f, err := os.OpenFile(path, flag, 0)
	require.NoError(t, err)
	old := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = old
		_ = f.Close()
	})
}

func TestExplainReadsStandardInput(t *testing.T) {
	for _, args := range [][]string{{"explain"}, {"explain", "-"}} {
		stdin(t, file(t, "> "+collision), os.O_RDONLY)
		status, stdout, stderr := nestbed(t, args...)
		assert.Zero(t, status, stderr)
		assert.True(t, strings.HasPrefix(stdout, "idmap invalid, at start\n"))
	}
}

func TestExplainIsWrongUseWithoutInput(t *testing.T) {
	stdin(t, "/dev/ptmx", os.O_RDWR) // a terminal
	status, stdout, stderr := nestbed(t, "explain")
	assert.Equal(t, 2, status)
	assert.Empty(t, stdout)
	assert.Equal(t, "nestbed: explain: standard input is a terminal; name a FILE, or pipe a log into it, such as lxc info --show-log c1 | nestbed explain; see nestbed explain --help\n", stderr)

	status, _, stderr = nestbed(t, "explain", filepath.Join(t.TempDir(), "missing"))
	assert.Equal(t, 2, status)
	assert.Contains(t, stderr, "no such file or directory")
	status, _, stderr = nestbed(t, "explain", t.TempDir())
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "is a directory")
}

func TestExplainShowsThatInputWasCut(t *testing.T) {
	status, stdout, _ := nestbed(t, "explain", file(t, strings.Repeat("x", 2*classify.MaxLine), collision))
	assert.Zero(t, status)
	assert.Contains(t, stdout, "\nlines of which only the first 16 KiB were read: 1\n")

	long := file(t, collision, "")
	require.NoError(t, os.Truncate(long, classify.MaxInput+1))
	status, stdout, _ = nestbed(t, "explain", long)
	assert.Zero(t, status)
	assert.Contains(t, stdout, "\nonly the first 64 MiB were read\n")
}

func TestExplanationsWrap(t *testing.T) {
	var b strings.Builder
	writeWrapped(&b, "  why   ", "        ", strings.Repeat("many words ", 30)+strings.Repeat("x", 100)+" end")
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Greater(t, len(lines), 5)
	for _, line := range lines {
		assert.True(t, len(line) <= textWidth || line == "        "+strings.Repeat("x", 100), line)
	}
	assert.Equal(t, "        end", lines[len(lines)-1])
	assert.Greater(t, len(lines[0]), textWidth-10)
}
