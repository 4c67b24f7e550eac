package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"nestbed/harness/classify"
)

// textWidth is where the text of an explanation wraps. Commands and lines of the input may be
// longer, so that they can be copied.
const textWidth = 80

func newExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [FILE|-]",
		Short: "Explain an error or a log of LXD, Incus or liblxc, and how to fix it",
		Long: `Reads an error line, a log (lxc info --show-log, lxc.log, lxd.log, journalctl, dmesg)
or a whole pasted mail from FILE, or from standard input. Says what happened, why, what
to do, and which scenario or source backs that. Consequences of a failure are counted,
not explained. Nothing is guessed: if no line has a known cause, it says so.

It works without LXD and without root. No data leaves the machine.
Exit status: 0 explained, 1 not explained, 2 wrong use.`,
		Example: `  lxc info --show-log c1 | nestbed explain
  incus info --show-log c1 | nestbed explain
  dmesg | nestbed explain
  nestbed explain error.txt --json`,
		Args: wrongUse(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "-"
			if len(args) > 0 {
				file = args[0]
			}
			return explain(cmd, file, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a list of findings as JSON")
	return cmd
}

func explain(cmd *cobra.Command, file string, asJSON bool) error {
	in, name := cmd.InOrStdin(), "standard input"
	if file == "-" {
		if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return &usageError{errors.New("explain: standard input is a terminal; name a FILE, or pipe a log into it, such as lxc info --show-log c1 | nestbed explain; see nestbed explain --help")}
		}
	} else {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return &usageError{err}
		} else if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, file
	}
	e, err := classify.Explain(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), e.Findings)
	} else {
		err = writeExplanation(cmd.OutOrStdout(), e)
	}
	if err == nil && len(e.Findings) == 0 {
		err = fmt.Errorf("%s: not known: %s", name, notKnown(e))
	}
	return err
}

// notKnown says what else could be explained.
func notKnown(e classify.Explanation) string {
	if e.Noise > 0 {
		return fmt.Sprintf("lines that only say that a start failed: %d of %d; the cause is in the container's log: lxc (or incus) info --show-log NAME", e.Noise, e.Lines)
	}
	return fmt.Sprintf("no line of %d has a known cause; for a failed start, take the output of lxc (or incus) info --show-log NAME", e.Lines)
}

func writeExplanation(out io.Writer, e classify.Explanation) error {
	w := bufio.NewWriter(out)
	for i, f := range e.Findings {
		if i > 0 {
			fmt.Fprintln(w)
		}
		writeFinding(w, f)
	}
	if len(e.Findings) > 0 {
		fmt.Fprintf(w, "\nlines read: %d", e.Lines)
		if e.Noise > 0 {
			fmt.Fprintf(w, "; %d of them only follow from a failed start, or come with every start", e.Noise)
		}
		fmt.Fprintln(w)
	}
	if e.Long > 0 {
		fmt.Fprintf(w, "lines of which only the first %d KiB were read: %d\n", classify.MaxLine>>10, e.Long)
	}
	if e.Cut {
		fmt.Fprintf(w, "only the first %d MiB were read\n", classify.MaxInput>>20)
	}
	return w.Flush()
}

func writeFinding(w io.Writer, f classify.Finding) {
	title := string(f.Reason)
	if f.Operation != "" {
		title += fmt.Sprintf(", at %s", f.Operation)
	}
	if f.Level > 0 {
		title += fmt.Sprintf(" of level %d", f.Level)
	}
	fmt.Fprintf(w, "%s\n\n", title)
	writeWrapped(w, "  ", "  ", f.What)
	for _, fact := range f.Facts {
		writeWrapped(w, "  - ", "    ", fact)
	}
	writeCause(w, "why", f.Cause)
	for _, c := range f.Others {
		writeCause(w, "or", c)
	}
	fmt.Fprintln(w, "\n  lines")
	for _, l := range f.Lines {
		fmt.Fprintf(w, "    %d: %s\n", l.Number, l.Text)
	}
}

func writeCause(w io.Writer, label string, c classify.Cause) {
	fmt.Fprintln(w)
	text := c.Cause
	if c.Versions != "" {
		text += " (" + c.Versions + ")"
	}
	writeWrapped(w, fmt.Sprintf("  %-6s", label), "        ", text)
	first := "  do    "
	for _, fix := range c.Fix {
		who := ""
		if fix.For != "" {
			who = fix.For + ": "
		}
		if fix.Command != "" {
			fmt.Fprintf(w, "%s%s%s\n", first, who, fix.Command)
		} else {
			writeWrapped(w, first, "        ", who+fix.Text)
		}
		first = "        "
	}
	writeWrapped(w, "  from  ", "        ", strings.Join(c.Source, "; "))
}

// writeWrapped prints words up to textWidth, with one text before the first line and another one
// before the others.
func writeWrapped(w io.Writer, first, others, text string) {
	line, begun := first, false
	for _, word := range strings.Fields(text) {
		if begun && len(line)+1+len(word) > textWidth {
			fmt.Fprintln(w, line)
			line, begun = others, false
		}
		if begun {
			line += " "
		}
		line, begun = line+word, true
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
