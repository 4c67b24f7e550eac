package steps

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/postmortem"
)

// upAsPlanned returns the diagnosis of a chain whose levels have one block each.
func upAsPlanned(depth int) *postmortem.Diagnosis {
	d := &postmortem.Diagnosis{Seen: map[int]idmap.PlannedLevel{}}
	for level := range depth {
		own := []idmap.Mapping{{Parent: 65536, Count: 65536}}
		host := []idmap.Mapping{{Parent: uint32(500000 + level*65536), Count: 65536}}
		l := idmap.PlannedLevel{Level: level + 1, Map: idmap.Map{UID: own, GID: own}, Host: idmap.Map{UID: host, GID: host}}
		d.Plan.Levels = append(d.Plan.Levels, l)
		d.Seen[l.Level] = l
	}
	return d
}

var next = []string{"all of it:  DIR", "run again:  COMMAND"}

func TestASummaryContainsTheErrorOfTheStep(t *testing.T) {
	s := summary{name: "A scenario", failure: errors.New("the uid maps differ:\nwanted 1\n   got 2"), diagnosis: upAsPlanned(1), next: next}
	lines := s.lines()
	assert.Equal(t, []string{"A scenario", "the uid maps differ:", "wanted 1", "   got 2", ""}, lines[:5])
	assert.Equal(t, s.diagnosis.MapTable(), lines[5:8])
	assert.Equal(t, []string{"", "all of it:  DIR", "run again:  COMMAND"}, lines[8:])
}

func TestASummaryHasTheCommandsIfThereIsRoom(t *testing.T) {
	d := upAsPlanned(3)
	for i := range 3 {
		d.ByHand = append(d.ByHand, fmt.Sprintf("c%d# %s", i, strings.Repeat("lxc launch ", 40)))
	}
	s := summary{name: "A scenario", failure: errors.New("the uid maps differ:\nwanted 1\n   got 2"), diagnosis: d, next: next}
	lines := s.lines()
	assert.LessOrEqual(t, len(lines), summaryLines)
	assert.Equal(t, append([]string{"By hand, with an IMAGE that has the daemon in it:"}, d.ByHand...), lines[len(lines)-7:len(lines)-3], "not shortened")
	s.failure = errors.New(strings.Repeat("a line\n", whyLines))
	d.ByHand = append(d.ByHand, d.ByHand...)
	assert.NotContains(t, strings.Join(s.lines(), "\n"), "By hand")
}

func TestAnUnplannedStopIsTheMostLikelyReason(t *testing.T) {
	d := upAsPlanned(2)
	delete(d.Seen, 2)
	d.Stop = &harness.LevelError{
		Stop:     idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.ShadowRefused},
		Err:      errors.New("Failed to run:\n lxd forkstart"),
		Evidence: []string{"  newuidmap: uid range not allowed\n"},
	}
	s := summary{name: "A scenario", failure: errors.New("wanted 2 levels up, got 1"), contradiction: errors.New("longer"), diagnosis: d, next: next}
	lines := s.lines()
	assert.Equal(t, []string{
		"A scenario",
		"The chain stopped at level 2, start: refused by newuidmap. Planned: none.",
		"  Failed to run: lxd forkstart",
		"  log: newuidmap: uid range not allowed",
		"The step: wanted 2 levels up, got 1",
		"",
	}, lines[:6])
	assert.Contains(t, strings.Join(lines, "\n"), "<- not up")

	stop := d.Stop.Stop
	d.Plan.Stop = &stop
	planned := summary{failure: fmt.Errorf("wanted another stop, got %w", d.Stop), diagnosis: d}
	assert.Equal(t, []string{
		"wanted another stop, got level 2, start: refused by newuidmap: Failed to run:", " lxd forkstart", "  [log:   newuidmap: uid range not allowed",
	}, planned.lines()[1:4], "as planned, so the step explains itself")
}

func TestASummaryEscapesLogs(t *testing.T) {
	d := upAsPlanned(2)
	delete(d.Seen, 2)
	d.Stop = &harness.LevelError{
		Stop: idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.ShadowRefused}, Err: errors.New("\x1b]0;title\a failed"),
		Evidence: []string{"\x1b[2J \u009b31m \u202e refused \xff"},
	}
	s := summary{name: "A scenario", failure: errors.New("wanted \x1b[1mtwo\tlevels"), diagnosis: d, next: next}
	text := strings.Join(s.lines(), "\n")
	assert.NotContains(t, text, "\x1b")
	for _, want := range []string{`\u001b]0;title\u0007 failed`, `log: \u001b[2J \u009b31m \u202e refused \xff`, "wanted \\u001b[1mtwo\tlevels"} {
		assert.Contains(t, text, want)
	}
}

func TestAContradictionIsTheReasonIfTheChainDidNotStop(t *testing.T) {
	s := summary{name: "A scenario", contradiction: errors.New("LXD contradicts the plan:\n  planned: a\n  found:   b"), diagnosis: upAsPlanned(1)}
	assert.Equal(t, []string{"LXD contradicts the plan:", "  planned: a", "  found:   b"}, s.lines()[1:4])
}

func TestASummaryHasALimitedLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		long := func(name string) error {
			n := rapid.IntRange(0, 40).Draw(t, name)
			if n == 0 {
				return nil
			}
			return errors.New(strings.Repeat(strings.Repeat("ö", rapid.IntRange(0, 1000).Draw(t, "width"))+"\n", n) + "end")
		}
		depth := rapid.IntRange(0, 33).Draw(t, "depth")
		d := upAsPlanned(depth)
		wrong := rapid.IntRange(0, depth).Draw(t, "wrong")
		if wrong > 0 {
			delete(d.Seen, wrong)
		}
		if err := long("stop"); err != nil {
			d.Stop = &harness.LevelError{Stop: idmap.Stop{Level: 1, Op: idmap.OpStart, Reason: idmap.Unclassified}, Err: err, Evidence: strings.Split(err.Error(), "\n")}
		}
		command := "run again:  " + strings.Repeat("x", 2*summaryWidth)
		s := summary{name: "A scenario", failure: long("failure"), contradiction: long("contradiction"), diagnosis: d, next: []string{"", "", "", command}}
		lines := s.lines()
		require.LessOrEqual(t, len(lines), summaryLines)
		for _, line := range lines[:len(lines)-1] {
			require.LessOrEqual(t, len([]rune(line)), summaryWidth)
			require.NotContains(t, line, "\n")
		}
		text := strings.Join(lines, "\n")
		require.Equal(t, command, lines[len(lines)-1], "a command is not cut")
		if wrong > 0 {
			require.Contains(t, text, "<- not up", "what is wrong is shown first")
		}
	})
}

func TestTheRepeatCommandSelectsExactlyThisScenario(t *testing.T) {
	assert.Equal(t, `go test -count=1 ./scenarios -run '^TestFeatures$/^Three_levels$' -v`, repeat("./scenarios", "TestFeatures/Three_levels", nil, nil))
	assert.Equal(t, `A=1 go test -count=1 ./scenarios -run '^TestFeatures$/^Three_levels$' -v -godog.tags=@slow`,
		repeat("./scenarios", "TestFeatures/Three_levels", []string{"-godog.tags=@slow"}, []string{"A=1"}))
	for _, name := range []string{"100_%_(of_2^32)", "a/b", "it's_[odd]", `"$(x)"`, "Name#01"} {
		line := repeat("./scenarios", "TestFeatures/"+name, nil, nil)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "go test", `printf '%s\n'`, 1)).Output()
		require.NoError(t, err)
		word := strings.Split(string(out), "\n")[3]
		// go test matches each part of the pattern with the same part of the name.
		patterns, parts := strings.Split(word, "/"), strings.Split("TestFeatures/"+name, "/")
		require.Len(t, patterns, len(parts))
		for i := range parts {
			require.Regexp(t, patterns[i], parts[i])
			require.NotRegexp(t, patterns[i], parts[i]+"_and_more")
		}
	}
}
