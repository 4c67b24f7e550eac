// Package excerpt keeps what matters of a long text.
package excerpt

import (
	"fmt"
	"slices"
	"strings"
)

// Shorten keeps the first two thirds of what there is room for, and the last, with a line between that counts the others.
func Shorten(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	last := room / 3
	first := room - last - 1
	return slices.Concat(lines[:first], []string{fmt.Sprintf("... %d lines more", len(lines)-first-last)}, lines[len(lines)-last:])
}

// Tail returns the last n lines of a log, without the blank lines around it.
func Tail(log string, n int) []string {
	if strings.TrimSpace(log) == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[max(0, len(lines)-n):]
}

// OneLine returns the words of a text on one line.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// At returns line i, or "nothing" behind the last one.
func At(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}
