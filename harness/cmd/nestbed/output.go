package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"nestbed/harness/drawing"
	"nestbed/harness/printable"
	"nestbed/harness/report"
)

// screen is the terminal or file that a command writes to. It escapes what files, logs and errors
// contain.
type screen struct {
	*printable.Writer
	file *os.File
}

func newScreen(f *os.File) screen { return screen{printable.NewWriter(f), f} }

// unescaped returns the writer behind a screen's escaping, for our own sequences: colors and the
// spinner.
func unescaped(w io.Writer) io.Writer {
	if s, ok := w.(screen); ok {
		return s.file
	}
	return w
}

// progress shows what is going on: as a spinner on a terminal, as plain lines elsewhere.
type progress struct {
	w       io.Writer
	spinner *progressbar.ProgressBar
}

func newProgress(w io.Writer) *progress { return &progress{w: w} }

// show shows what is being done until the next call of show, spin or done.
func (p *progress) show(what string) {
	if !isTerminal(p.w) {
		p.say(what)
	}
	p.spin(what)
}

// spin is show for work whose end prints a line anyway. It prints nothing if there is no
// terminal.
func (p *progress) spin(what string) {
	p.done()
	if !isTerminal(p.w) {
		return
	}
	p.spinner = progressbar.NewOptions(-1, progressbar.OptionSetWriter(unescaped(p.w)), progressbar.OptionSetDescription(printable.Line(what)),
		progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetElapsedTime(true), progressbar.OptionSetRenderBlankState(true))
}

// done clears the spinner.
func (p *progress) done() {
	if p.spinner != nil {
		_ = p.spinner.Finish() // a spinner that stays does no harm
		p.spinner = nil
	}
}

// say prints a line that stays.
func (p *progress) say(line string) { fmt.Fprintln(p.w, line) }

// spinnerClearer is a writer that clears the spinner before each line.
type spinnerClearer struct {
	io.Writer
	p *progress
}

func (c spinnerClearer) Write(p []byte) (int, error) {
	c.p.done()
	return c.Writer.Write(p)
}

func isTerminal(w io.Writer) bool {
	f, ok := unescaped(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width returns the number of columns of the terminal, and 80 if w is none.
func width(w io.Writer) int {
	if f, ok := unescaped(w).(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}

// canvas returns how to draw on w: the terminal's width, and colors unless NO_COLOR
// (https://no-color.org) or a dumb terminal forbids them.
func canvas(w io.Writer) drawing.Options {
	return drawing.Options{
		Width: width(w),
		Color: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// draw draws bars on a screen.
func draw(w io.Writer, bars []drawing.Bar) error {
	return drawing.WriteText(unescaped(w), bars, canvas(w)) // WriteText escapes the names
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func writeResult(w io.Writer, r report.Result, verified time.Duration) error {
	if len(r.Levels) > 0 {
		fmt.Fprintln(w)
		if err := report.WriteTable(w, r.Levels); err != nil {
			return err
		}
		fmt.Fprintln(w)
		if err := draw(w, r.Bars()); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nverified in %s:\n", report.Seconds(verified))
		if err := report.WriteChecks(w, r.Checks); err != nil {
			return err
		}
	}
	verdict := "as planned"
	if r.Contradiction != "" {
		verdict = "which was not planned"
	}
	if r.Stop != nil {
		fmt.Fprintf(w, "\nstopped at %s, %s\n", r.Stop, verdict)
	}
	return nil
}
