package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/drawing"
	"nestbed/harness/environment"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/printable"
	"nestbed/harness/report"
	"nestbed/harness/vm"
	"nestbed/steps"
)

func TestProgressWithoutATerminalIsPlainLines(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.done() // before anything was shown
	p.show("making bundle installed")
	p.show("starting a private host")
	p.spin("building level 1 of 3") // needs no line, because its end prints one
	p.say("a line that stays")
	p.done()
	p.done()
	assert.Equal(t, "making bundle installed\nstarting a private host\na line that stays\n", b.String())
	assert.NotContains(t, b.String(), "\x1b", "no escape sequences in a log")
}

func TestOnlyOurOwnEscapeSequencesReachATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	out := newScreen(slave)
	p := newProgress(out)
	p.spin("making \x1b[35m")
	p.done()
	p.say("said \x1b[36m")
	require.NoError(t, draw(out, []drawing.Bar{{Name: "c\x1b[37m1", Depth: 1, Host: []idmap.Mapping{{Parent: 500000, Count: 65536}}}}))
	require.NoError(t, slave.Close())
	text, _ := io.ReadAll(master) // ends with EIO
	for _, evil := range []string{"\x1b[35m", "\x1b[36m", "\x1b[37m"} {
		assert.NotContains(t, string(text), evil)
		assert.Contains(t, string(text), printable.Text(evil))
	}
	assert.Contains(t, string(text), " \rsaid ", "the spinner clears its line")
	assert.Contains(t, string(text), "\x1b[94mc", "a bar has its color")
}

func TestAFileIsNotATerminalAndEightyColumnsWide(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer f.Close()
	assert.False(t, isTerminal(f))
	assert.Equal(t, 80, width(f))
	assert.False(t, isTerminal(&bytes.Buffer{}))
	assert.Equal(t, 80, width(&bytes.Buffer{}))
	newProgress(f).show("working")
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Equal(t, "working\n", string(text))
}

func TestADrawingInAFileNeverHasColors(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer f.Close()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	assert.Equal(t, drawing.Options{Width: 80}, canvas(f))
}

func TestTheEnvironmentCanForbidColors(t *testing.T) {
	terminal := terminal(t)
	for _, c := range []struct {
		noColor, term string
		color         bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		assert.Equal(t, c.color, canvas(terminal).Color, c)
	}
}

// terminal returns a pseudoterminal that nothing reads from (man 4 pts).
func terminal(t *testing.T) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	return master
}

// result returns the result of a chain with one level.
func result() report.Result {
	m := []idmap.Mapping{{Inside: 0, Parent: 500000, Count: 65536}}
	both := idmap.Map{UID: m, GID: m}
	return report.Result{
		Levels: []report.Level{{Level: 1, Name: "c1", Map: both, Host: both}},
		Checks: []harness.Check{{Subject: harness.IDMaps, Level: 1}},
	}
}

// written returns a result as text.
func written(t *testing.T, r report.Result) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, writeResult(&b, r, 1234*time.Millisecond))
	return b.String()
}

func TestAResultIsWrittenAsTableDrawingAndChecks(t *testing.T) {
	text := written(t, result())
	table, rest, found := strings.Cut(text, "\n\nhost")
	require.True(t, found, text)
	assert.Contains(t, table, "uid+gid")
	assert.Contains(t, rest, "├")
	assert.Contains(t, rest, "\nverified in 1.2 s:\n  ok  idmaps  1 of 1  ")
	assert.NotContains(t, text, "stopped")
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, len([]rune(line)), 100, line)
	}
}

func TestAResultSaysWhetherAStopWasPlanned(t *testing.T) {
	r := result()
	r.Stop = &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.NoAllocation}
	assert.True(t, strings.HasSuffix(written(t, r), "\nstopped at level 2, create: no allocation, as planned\n"))
	r.Contradiction = "LXD contradicts the plan"
	assert.True(t, strings.HasSuffix(written(t, r), "\nstopped at level 2, create: no allocation, which was not planned\n"))
	r.Levels, r.Contradiction = nil, ""
	assert.Equal(t, "\nstopped at level 2, create: no allocation, as planned\n", written(t, r), "there is nothing else to show")
}

func TestJSONIsIndentedAndEndsWithALine(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeJSON(&b, map[string]int{"depth": 3}))
	assert.Equal(t, "{\n  \"depth\": 3\n}\n", b.String())
}

func TestRequirementsAreListedByKindWithTheirFix(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeRequirements(&b, []inventory.Requirement{
		{For: "private host", Name: "root", OK: true, Found: "user id 0"},
		{For: "private host", Name: "cgroups", Found: "none mounted", Fix: "mount -t cgroup2 cgroup2 /sys/fs/cgroup"},
		{For: "bundle debian", Name: "mmdebstrap", OK: true, Found: "/usr/bin/mmdebstrap"},
	}))
	assert.Equal(t, `private host   ok       root        user id 0
               missing  cgroups     none mounted
                                    fix: mount -t cgroup2 cgroup2 /sys/fs/cgroup
bundle debian  ok       mmdebstrap  /usr/bin/mmdebstrap
`, b.String())
}

func TestDoctorExitsWithZeroOnlyIfUpWouldRun(t *testing.T) {
	// doctor makes nothing but a user namespace for a moment.
	status, stdout, stderr := nestbed(t, "doctor")
	source, _, noSource := bundle.Choose()
	machine, err := environment.ReadMachine()
	require.NoError(t, err)
	store := machine.Store(nil)
	runs := noSource == nil && private.Check(store, source.Kind, machine.State) == nil
	assert.Equal(t, runs, strings.Contains(stdout, "nestbed up runs here"))
	want := 0
	if !runs {
		want = 1
		assert.Regexp(t, `^nestbed: .+`, stderr)
	} else {
		assert.Empty(t, stderr)
	}
	assert.Equal(t, want, status)

	status, stdout, _ = nestbed(t, "doctor", "--json")
	assert.Equal(t, want, status)
	var requirements []inventory.Requirement
	require.NoError(t, json.Unmarshal([]byte(stdout), &requirements), "the output is JSON only")
	assert.Len(t, requirements, len(private.Requirements(store, ""))+len(existing.Requirements(t.Context(), store, existing.LXD{}))+
		len(inventory.Containers(t.Context()))+len(steps.Requirements(store, bundle.Source{}))+len(vm.Requirements("")))
}

func TestStepsListsTheVocabularyAsScenariosUseIt(t *testing.T) {
	status, stdout, stderr := nestbed(t, "steps")
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	assert.Regexp(t, `Given an LXD host whose root allocation is "root:\d+:\d+"\n    Writes root.s line in `, stdout)
	assert.NotContains(t, stdout, `(\d+)`, "examples, not patterns")

	status, stdout, _ = nestbed(t, "steps", "--json")
	assert.Zero(t, status)
	var vocabulary []steps.Step
	require.NoError(t, json.Unmarshal([]byte(stdout), &vocabulary))
	for _, s := range vocabulary {
		assert.NotEmpty(t, s.Example, s.Pattern)
		assert.NotEmpty(t, s.Meaning, s.Pattern)
	}
}
