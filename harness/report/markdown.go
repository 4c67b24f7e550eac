package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"nestbed/harness/printable"
)

// WriteMarkdown writes the verdict, the failures with their diagnosis and the reasons of skipped
// scenarios, for a place such as the summary of a CI job.
func (r Run) WriteMarkdown(w io.Writer) error {
	p := r.page()
	var b bytes.Buffer
	fmt.Fprintf(&b, "## nestbed: %s\n\n%s\n\n%d passed, %d failed, %d skipped\n", p.Verdict(), inText(r.Facts.String()), p.Passed, p.Failed, p.Skipped)
	whys := map[string]int{}
	for _, s := range r.Scenarios {
		switch s.Status {
		case Failed:
			text := s.Error
			if len(s.Diagnosis) > 1 {
				text = lines(s.Diagnosis[1:])
			}
			fmt.Fprintf(&b, "\n### %s\n\n%s\n", inText(s.Name), fenced(text))
		case Skipped:
			whys[detailOf(s)]++
		case Passed:
		}
	}
	if len(whys) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>skipped</summary>\n\n")
		for _, why := range ByCount(whys) {
			fmt.Fprintf(&b, "- %d: %s\n", whys[why], inText(why))
		}
		fmt.Fprintf(&b, "\n</details>\n")
	}
	_, err := io.WriteString(w, printable.Text(b.String()))
	return err
}

// ByCount returns the texts in counts, the most frequent first.
func ByCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
}

// inText returns text without characters that Markdown or HTML gives a meaning.
func inText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "#", "\\#", "\n", " ").Replace(text)
}

// fenced returns text as a code block, whose fence is longer than any in the text.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + text + "\n" + fence
}
