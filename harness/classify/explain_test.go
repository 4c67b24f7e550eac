package classify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

// explained explains a text, which must have exactly these reasons, the decisive ones first.
func explained(t *testing.T, text string, reasons ...idmap.Reason) Explanation {
	t.Helper()
	e, err := Explain(strings.NewReader(text))
	require.NoError(t, err)
	got := []idmap.Reason{}
	for _, f := range e.Findings {
		got = append(got, f.Reason)
	}
	require.Equal(t, append([]idmap.Reason{}, reasons...), got, text)
	return e
}

func TestUnrelatedLogsAreNotExplained(t *testing.T) {
	files, err := filepath.Glob("testdata/unrelated/*.log")
	require.NoError(t, err)
	require.Len(t, files, 20)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			explained(t, string(text))
		})
	}
}

const refused = `newuidmap failed to write mapping "newuidmap: uid range [0-65536) -> [500000-565536) not allowed": newuidmap 4711 0 500000 65536`

func TestAWholeLogHasOneCauseAndItsConsequences(t *testing.T) {
	log := "Error: " + oldStart + "\nTry `lxc info --show-log c2` for more info\n\nLog:\n\n" + lxcLog(refused)
	e := explained(t, log, idmap.ShadowRefused)
	f := e.Findings[0]
	require.Len(t, f.Lines, 1)
	assert.Equal(t, 10, f.Lines[0].Number)
	assert.True(t, strings.HasSuffix(f.Lines[0].Text, refused))
	assert.Equal(t, idmap.OpStart, f.Operation)
	assert.Zero(t, f.Level)
	assert.Equal(t, 7, e.Noise)
	assert.Equal(t, 12, e.Lines)

	// Consequences alone explain nothing.
	e = explained(t, "Error: "+oldStart+"\n"+`Received container state "ABORTING" instead of "RUNNING"`+"\n"+`Failed to spawn container "c2"`)
	assert.Equal(t, 3, e.Noise)
}

func TestSeveralCausesAreInTheOrderOfReason(t *testing.T) {
	text := "mkdir /x: no space left on device\nsystemd: Failed to set up credentials: Protocol error\n" + lxcLog("Permission denied - Failed to clone a new set of namespaces")
	e := explained(t, text, idmap.UserNSDenied, idmap.DiskFull, idmap.NestingNotAllowed)
	assert.Equal(t, 1, e.Findings[1].Lines[0].Number)

	// A line that says little does not count beside one that says more.
	explained(t, oldNoIDs+"\n"+`msg="Unexpected values in \"/etc/subuid\": [\"x\"]"`, idmap.SubIDMalformed)
	explained(t, oldNoIDs, idmap.NoAllocation)
}

func TestTextIsReadAsItIsPasted(t *testing.T) {
	for name, text := range map[string]string{
		"colors":                    "\x1b[31mERROR\x1b[0m newuidmap: uid \x1b[1mrange\x1b[0m [0-65536) -> [500000-565536) not allowed\x1b]0;title\x07",
		"Windows line ends":         "x\r\n" + refused + "\r\n",
		"a quoted mail":             "> > " + refused,
		"a mail that wraps":         "> lxc c1 20261130100000.101 ERROR    idmap_utils - newuidmap failed to write\n> mapping \"newuidmap: uid range [0-65536) -> [500000-565536) not\n> allowed\": newuidmap 4711 0 500000 65536\n",
		"quotation marks of forums": "newuidmap failed to write mapping “newuidmap: uid range [0-65536) -&gt; [500000-565536) not allowed”: newuidmap 4711 0 500000 65536",
		"a journal":                 "Nov 30 10:00:00 host lxd[77]: " + refused,
		"JSON":                      `{"MESSAGE":"newuidmap failed to write mapping \"newuidmap: uid range [0-65536) -> [500000-565536) not allowed\": newuidmap 4711 0 500000 65536"}`,
		"the line is cut":           `newuidmap: uid range [0-65536) -> [500000-565536) not al`,
		"zero bytes":                "\x00\x01\xff\n" + refused + "\n\x00",
	} {
		t.Run(name, func(t *testing.T) {
			f := explained(t, text, idmap.ShadowRefused).Findings[0]
			if name != "the line is cut" {
				assert.Contains(t, said(f), "root:500000:65536")
			}
		})
	}
}

func TestWhatMailsAndFormatsAddIsTakenAway(t *testing.T) {
	explained(t, "Error: Get \"http://unix.socket/1.0\": EOF\r\n", idmap.DaemonDied)
	explained(t, `Failed to mount “proc” on “/x”`, idmap.NestingNotAllowed)
	explained(t, `{"log":"Failed to mount \"proc\" on \"/x\""}`, idmap.NestingNotAllowed)
	explained(t, "> > lxc c1 20261130100000.101 ERROR    idmap_utils - newuidmap: write to\n> > uid_map failed: Invalid argument", idmap.MapInvalid)

	// A line belongs to a finding only if its words do.
	f := explained(t, "this is the line that I see in the log since yesterday\n"+refused, idmap.ShadowRefused).Findings[0]
	assert.Equal(t, 2, f.Lines[0].Number)

	// Entries of a log are never one line, whatever their words would make together.
	explained(t, "Nov 30 10:00:00 host x: apparmor_parser -r /etc/apparmor.d/foo\nNov 30 10:00:01 host sshd: Access denied")
}

func TestAWrappedLineIsQuotedWhole(t *testing.T) {
	f := explained(t, "Hello,\nsince yesterday I see this error in the log of the container:\nlxc c1 ERROR idmap_utils - newuidmap failed to write mapping \"newuidmap: write to\nuid_map failed: Invalid argument\": newuidmap 77 0 100000 65536 0\n165536 65536\nWhat can I do?", idmap.MapInvalid).Findings[0]
	assert.Contains(t, said(f), "root:100000:65536, root:165536:65536")
	var numbers []int
	for _, l := range f.Lines {
		numbers = append(numbers, l.Number)
	}
	assert.Equal(t, []int{3, 4, 5}, numbers)
}

func TestNumbersDecideIfTheKernelsReasonIsMissing(t *testing.T) {
	for text, reason := range map[string]idmap.Reason{
		`"newuidmap: write to uid_map faile": newuidmap 148 0 500000 65536 0 565536 131072`:                idmap.MapInvalid,
		`"newgidmap: write to gid_map faile": newgidmap 148 0 500000 65536`:                                idmap.OutsideParent,
		`"newuidmap: write to uid_map failed: Das Argument ist ungültig": newuidmap 1 0 5 70000 0 9 70000`: idmap.MapInvalid,
		`"newuidmap: write to uid_map failed: Invalid argument": newuidmap 1 0 4294967296 65536`:           idmap.MapInvalid,
		`"newuidmap: write to uid_map failed: Operation not permitted": newuidmap 1 0 5 9 9 5 9`:           idmap.MapInvalid,
	} {
		explained(t, text, reason)
	}
	f := explained(t, `newuidmap: write to uid_map failed: Invalid argument": newuidmap 1 0 4294967296 65536`, idmap.MapInvalid).Findings[0]
	assert.Contains(t, said(f), "the last one is 4294967294")
	assert.Contains(t, f.Cause.Cause, "past the last id")
	f = explained(t, `newuidmap: write to uid_map failed: Invalid argument": newuidmap 1 0 100000 65536 65535 1000 1`, idmap.MapInvalid).Findings[0]
	assert.Contains(t, f.Cause.Cause, "raw.idmap maps the last id")
	assert.Contains(t, said(f), "as 1000 and as 165535")
	f = explained(t, `newuidmap: write to uid_map failed: Operation not permitted": newuidmap 1 0 65536 131073`, idmap.OutsideParent).Findings[0]
	assert.Contains(t, said(f), "must have the ids 65536 to 196608")
}

func TestFactsAreFromTheFirstLineWithNumbers(t *testing.T) {
	f := explained(t, "Error: newuidmap: write to uid_map failed: Invalid argument\n\n"+
		`newuidmap failed to write mapping "newuidmap: write to uid_map failed: Invalid argument": newuidmap 1 0 100000 65536 0 300000 65536`, idmap.MapInvalid).Findings[0]
	assert.Len(t, f.Lines, 2)
	assert.Contains(t, said(f), "root:100000:65536, root:300000:65536")
	assert.Empty(t, f.Others, "the numbers rule out the other causes")
}

func TestFactsOfIDs(t *testing.T) {
	for text, says := range map[string]string{
		"newuidmap: uid range [1000-1001) -> [1000-1001) not allowed":                              "raw.idmap maps an id of the host",
		`newuidmap failed to write mapping "": newuidmap 85 0 100000 96608`:                        "100000 and up is what LXD picks by itself in a container",
		"newuidmap: subuid overflow detected.":                                                     "A range goes past the last id",
		`"newuidmap: subuid overflow detected.": newuidmap 84 0 4294900000 196608`:                 "its parent ids go past the last id, 4294967294",
		`"newuidmap: write to uid_map failed: Invalid argument": newuidmap 85 0 4294900000 196609`: "A range goes past the last id",
		"Unable to change UID to 4294967295 temporarily":                                           "4294967295 is no id: the last one is 4294967294",
		"insufficient UIDs or GIDs available in user namespace (requested 0:42 for /x)":            "id 42 exists in a container with 43 ids or more",
		"insufficient UIDs or GIDs available in user namespace (requested 99999:0 for /)":          "id 99999 exists only in a container with 100000 ids",
		"root:1000000:1000000000\nNo available uid/gid map could be found":                         "a line that is large enough: root:1000000:1000000000",
		"raw.idmap: both 4294967295 0\nHost id is in the range of subids":                          "4294967295 of raw.idmap is no id",
	} {
		e, err := Explain(strings.NewReader(text))
		require.NoError(t, err)
		require.Len(t, e.Findings, 1, text)
		assert.Contains(t, said(e.Findings[0]), says)
	}
	f := explained(t, "[0 1000 1 1 100000 65536]: newuidmap 362 [0 1003 1 1 100000 65536 65537 100000 65536] failed: newuidmap: write to uid_map failed: Invalid argument", idmap.MapInvalid).Findings[0]
	assert.Contains(t, f.Cause.Cause, "Two lines of the map name the same ids")
	f = explained(t, reports[9].lines, idmap.MapInvalid).Findings[0]
	assert.Empty(t, f.Operation, "no daemon starts this container")
	f = explained(t, reports[24].lines, idmap.UserNSDenied).Findings[0]
	assert.Empty(t, f.Operation, "Docker starts this container")
	f = explained(t, "root:1000000:1000000000\nNot enough uid/gid available for the container", idmap.IsolatedExhausted).Findings[0]
	assert.Empty(t, f.Facts, "the allocation is not the limit")
	f = explained(t, "root:500000:65536\n"+`newuidmap failed to write mapping "": newuidmap 85 0 1000000 1000000000`, idmap.ShadowRefused).Findings[0]
	assert.Contains(t, f.Cause.Cause, "after the daemon started", "a second line for root would break Incus")
	assert.NotContains(t, said(f), "tee -a")
	f = explained(t, `newuidmap failed to write mapping "": newuidmap 85 0 131072 65536`, idmap.ShadowRefused).Findings[0]
	assert.Contains(t, said(f), "131072 is 2 x 65536")
	assert.Len(t, f.Others, 2)
}

func TestLevelAndOperationAreFromTheText(t *testing.T) {
	f := explained(t, "nestbed: stopped at level 2, create: no allocation", idmap.NoAllocation).Findings[0]
	assert.Equal(t, 2, f.Level)
	assert.Equal(t, idmap.OpCreate, f.Operation)
	assert.NotEmpty(t, f.Fix)

	diagnosis := "stop planned: none\nstop found:   level 3, start: refused by newuidmap\n  " + oldStart + "\n  log: " + refused + "\n"
	f = explained(t, diagnosis, idmap.ShadowRefused).Findings[0]
	assert.Equal(t, 3, f.Level)
	assert.Equal(t, idmap.OpStart, f.Operation)

	f = explained(t, "Failed to change ownership of: /var/lib/lxd/containers/a/rootfs/var/lib/lxd/containers/b/rootfs/x", idmap.OutsideParent).Findings[0]
	assert.Equal(t, 2, f.Level)
	f = explained(t, "c1/c2/c3: "+refused, idmap.ShadowRefused).Findings[0]
	assert.Equal(t, 3, f.Level)
	f = explained(t, "Failed to change ownership of: /var/snap/lxd/common/lxd/containers/a/rootfs/x", idmap.OutsideParent).Findings[0]
	assert.Zero(t, f.Level, "the path is that of any LXD, at whatever level")
}

func TestAFullDiskIsToldFromFullQuotas(t *testing.T) {
	explained(t, "2026/11/30 10:00:00 [crit] 77#77: *3 write() failed (28: No space left on device)", idmap.DiskFull)
	explained(t, "Error saving key file: no space left on device", idmap.DiskFull)
	explained(t, "Disk quota exceeded - Failed to create kernel keyring", idmap.KeyQuota)
	explained(t, "inotify_add_watch(5, /x) failed: No space left on device", idmap.InotifyQuota)
	explained(t, "No space left on device - Failed to clone a new set of namespaces", idmap.DepthLimit)
}

func TestLongInputIsCutAndSaysSo(t *testing.T) {
	e := explained(t, strings.Repeat("x", 3*MaxLine)+refused+"\n"+refused, idmap.ShadowRefused)
	assert.Equal(t, 1, e.Long)
	assert.Equal(t, 2, e.Lines)
	assert.Equal(t, 2, e.Findings[0].Lines[0].Number)
	assert.False(t, e.Cut)

	line := strings.Repeat("y", 1023) + "\n"
	e = explained(t, strings.Repeat(line, MaxInput/len(line))+refused)
	assert.True(t, e.Cut)
	e = explained(t, strings.Repeat(line, MaxInput/len(line)))
	assert.False(t, e.Cut)
}

func TestManyLinesAreShortened(t *testing.T) {
	e := explained(t, strings.Repeat(strings.Repeat("a", 500)+refused+strings.Repeat("b", 500)+"\n", 100), idmap.ShadowRefused)
	require.Len(t, e.Findings[0].Lines, shownLines)
	for _, l := range e.Findings[0].Lines {
		assert.LessOrEqual(t, len(l.Text), shownText+6)
		assert.Contains(t, l.Text, "newuidmap: uid range [0-65536)")
	}
}

func TestAReadErrorIsReturned(t *testing.T) {
	_, err := Explain(iotest.ErrReader(errors.New("broken")))
	require.EqualError(t, err, "broken")
}

func FuzzExplain(f *testing.F) {
	for _, r := range reports {
		f.Add(r.lines)
	}
	f.Add("> " + refused + "\x1b[31m\xff\x00")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Explain(strings.NewReader(text))
		require.NoError(t, err)
		for _, found := range e.Findings {
			assert.Contains(t, idmap.Reasons(), found.Reason)
			assert.NotEmpty(t, found.Fix)
			assert.NotEmpty(t, found.Lines)
			all := said(found)
			for _, l := range found.Lines {
				assert.Positive(t, l.Number)
				assert.LessOrEqual(t, l.Number, e.Lines)
				all += l.Text
			}
			for _, r := range all {
				assert.True(t, r == '\n' || unicode.IsGraphic(r), "%q in %q", r, all)
			}
		}
	})
}
