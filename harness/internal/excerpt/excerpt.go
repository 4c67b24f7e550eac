// Package excerpt shortens long texts.
package excerpt

import (
	"fmt"
	"slices"
	"strings"
)

// Shorten returns at most room lines: the first two thirds and the last third, with a line in
// between that counts the omitted ones.
func Shorten(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	last := room / 3
	first := room - last - 1
	return slices.Concat(lines[:first], []string{fmt.Sprintf("... %d lines more", len(lines)-first-last)}, lines[len(lines)-last:])
}

// Tail returns the last n lines of a log, without surrounding blank lines.
func Tail(log string, n int) []string {
	if strings.TrimSpace(log) == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[max(0, len(lines)-n):]
}

// OneLine returns the words of a text on one line.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// At returns line i, or "nothing" if there is no such line.
func At(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}
