package scenarios_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
)

// docBudget is the time limit of one block. Blocks take less than 10 s on an idle machine.
const docBudget = 3 * time.Minute

// anyLines is a line of a block that matches any number of lines.
const anyLines = "..."

var notRun = regexp.MustCompile(`^<!-- not run: .+ -->$`)

// A docBlock is a console block of a page: commands, each with the output that the page shows.
type docBlock struct {
	name     string // FILE:LINE of its fence
	notRun   bool
	commands []docCommand
}

type docCommand struct {
	text   string
	output []string
}

// TestTheDocumentationShowsWhatCommandsPrint runs the console blocks of the documentation and
// compares the shape of their output: line by line, with numbers, ids, versions and times replaced
// by placeholders.
func TestTheDocumentationShowsWhatCommandsPrint(t *testing.T) {
	t.Parallel()
	harnesstest.Source(t)
	path := filepath.Dir(buildNestbed(t)) + string(filepath.ListSeparator) + os.Getenv("PATH")
	for _, page := range pages(t) {
		for _, b := range consoleBlocks(t, page) {
			t.Run(b.name, func(t *testing.T) {
				if b.notRun {
					t.Skip("marked as not run")
				}
				b.check(t, path)
			})
		}
	}
}

// pages returns the paths of the documentation, relative to the repository.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	names := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	for _, page := range found {
		names = append(names, strings.TrimPrefix(page, "../"))
	}
	return names
}

// consoleBlocks returns the fenced console blocks of a page.
func consoleBlocks(t *testing.T, page string) []docBlock {
	t.Helper()
	var blocks []docBlock
	for _, f := range fences(t, page) {
		if f.language != "console" {
			assert.False(t, strings.HasPrefix(f.first(), "$ "), "%s:%d: fence commands as console", page, f.line)
			continue
		}
		b := docBlock{name: fmt.Sprintf("%s:%d", page, f.line), notRun: notRun.MatchString(f.before)}
		for _, line := range f.lines {
			text, isCommand := strings.CutPrefix(line, "$ ")
			switch last := len(b.commands) - 1; {
			case isCommand:
				b.commands = append(b.commands, docCommand{text: text})
			case last < 0:
				require.Fail(t, "a console block begins with a command", "%s: got %q, expected \"$ COMMAND\"", b.name, line)
			case strings.HasPrefix(line, "> ") && len(b.commands[last].output) == 0:
				b.commands[last].text += "\n" + line[2:]
			default:
				b.commands[last].output = append(b.commands[last].output, line)
			}
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// A fence is a fenced block of a page.
type fence struct {
	line     int // of the opening fence
	before   string
	language string
	lines    []string
}

func (f fence) first() string {
	if len(f.lines) == 0 {
		return ""
	}
	return f.lines[0]
}

func fences(t *testing.T, page string) (found []fence) {
	t.Helper()
	inside, before := false, ""
	for i, line := range pageLines(t, page) {
		language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !inside:
			found = append(found, fence{line: i + 1, before: before, language: language})
			inside = true
		case isFence:
			inside = false
		case inside:
			last := &found[len(found)-1]
			last.lines = append(last.lines, line)
		}
		before = line
	}
	require.False(t, inside, "%s: a fence is not closed", page)
	return found
}

func pageLines(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// check runs the commands of a block in one shell, in the root of the repository.
func (b docBlock) check(t *testing.T, path string) {
	t.Helper()
	if slices.ContainsFunc(b.commands, func(c docCommand) bool { return strings.Contains(c.text, "nestbed up") }) {
		parallel(t, 1)
	} else {
		t.Parallel()
	}
	const end = "=== end of a command ==="
	script := "exec 2>&1\n"
	for _, c := range b.commands {
		script += c.text + "\nprintf '\\n%s\\n' '" + end + "'\n"
	}
	ctx, cancel := context.WithTimeout(harnesstest.Context(t), docBudget)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "PATH="+path)
	out, err := guarded(cmd).Output()
	require.NoError(t, err, "%s", out)
	outputs := strings.Split(string(out), "\n"+end+"\n")
	require.Len(t, outputs, len(b.commands)+1, "%s", out)
	for i, c := range b.commands {
		wanted, got := shapes(c.output), shapes(printed(outputs[i]))
		assert.True(t, matchLines(wanted, got), "%s: the output of %q has another shape.\nThe page shows:\n%s\n\nIt printed:\n%s",
			b.name, c.text, strings.Join(c.output, "\n"), outputs[i])
	}
}

// setup matches the lines about a bundle that is made for the first time. The documentation leaves
// them out.
var setup = regexp.MustCompile(`^(making bundle |fetching the packages of )|: taking the bundle `)

// printed returns the lines of an output, without those about making a bundle.
func printed(output string) (lines []string) {
	scanner := bufio.NewScanner(strings.NewReader(output))
	for scanner.Scan() {
		if !setup.MatchString(scanner.Text()) {
			lines = append(lines, scanner.Text())
		}
	}
	return lines
}

// placeholders replace what differs between machines, versions and runs.
var placeholders = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`(LXD|Incus) [^,]*, kernel .*, bundle .*`), "FACTS"},
	{regexp.MustCompile(`\b(bundle )[a-z]+(:[\w/,-]+)?`), "${1}#"},
	{regexp.MustCompile(`\b(cgroups +)\w+`), "${1}#"},
	{regexp.MustCompile(`\b[0-9a-f]{12,}\b`), "#"},
	{regexp.MustCompile(`\b\d[\w.+~:-]*`), "#"},
	{regexp.MustCompile(`\s+`), " "},
}

func shapes(lines []string) []string {
	shaped := make([]string, 0, len(lines))
	for _, line := range lines {
		for _, p := range placeholders {
			line = p.pattern.ReplaceAllString(line, p.by)
		}
		shaped = append(shaped, strings.TrimSpace(line))
	}
	return shaped
}

// matchLines reports whether got matches wanted, in which anyLines matches any number of lines.
func matchLines(wanted, got []string) bool {
	switch {
	case len(wanted) == 0:
		return len(got) == 0
	case wanted[0] == anyLines:
		return matchLines(wanted[1:], got) || len(got) > 0 && matchLines(wanted, got[1:])
	}
	return len(got) > 0 && wanted[0] == got[0] && matchLines(wanted[1:], got[1:])
}

func TestShapesOfOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wanted, got string
		same        bool
	}{
		{"level 1  1.3 s   c1 is up", "level 1  12.25 s  c1 is up", true},
		{"level 1  1.3 s   c1 is up", "level 1  1.3 s   c1 is down", false},
		{"kept as 3116791627", "kept as 176518726", true},
		{"bundle installed (e5cc1b4e48c3fb75)", "bundle installed (4d5a6f15b57dee33)", true},
		{"root:500000:196608", "root:1000000:65536", true},
		{"with the bundle installed", "with the bundle debian:trixie/incus", true},
		{"ok     cgroups    hybrid", "ok     cgroups    v2", true},
		{"a\n...\nb", "a\nb", true},
		{"a\n...\nb", "a\nx\ny\nb", true},
		{"a\n...", "a\nx\nb", true},
		{"a\n...\nb", "a\nb\nc", false},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{
			"LXD 5.0.2 (lxd 5.0.2-5), kernel 6.1, cgroup hybrid, AppArmor off, bundle installed (e5cc1b4e48c3fb75)",
			"Incus 6.0.4 (incus 6.0.4-2), kernel 6.12, cgroup v2, AppArmor on, bundle debian:trixie/incus (4d5a6f15b57dee33)", true,
		},
	} {
		same := matchLines(shapes(strings.Split(c.wanted, "\n")), shapes(printed(c.got)))
		assert.Equal(t, c.same, same, "%q and %q", c.wanted, c.got)
	}
}
