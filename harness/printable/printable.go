// Package printable escapes everything that could act on a terminal or hide part of a text:
// control characters including C1, format characters such as bidirectional overrides, and bytes
// that are not UTF-8. Text from files, logs and errors passes through it before it is shown.
package printable

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns text with all characters escaped except printable ones, newlines and tabs. A
// character becomes \uXXXX (a pair of them beyond U+FFFF) as in JSON, so escaped JSON keeps its
// value. A byte that is not UTF-8 becomes \xXX. Escaping twice gives the same result as once.
func Text(text string) string { return escaped(text, "\n\t") }

// Line is like Text but also escapes newlines and tabs.
func Line(text string) string { return escaped(text, "") }

func escaped(text, allowed string) string {
	var b strings.Builder
	done := 0
	for i, r := range text {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(text[i:])
		}
		broken := r == utf8.RuneError && size == 1
		if !broken && (unicode.IsGraphic(r) || strings.ContainsRune(allowed, r)) {
			continue
		}
		b.WriteString(text[done:i])
		done = i + size
		switch high, low := utf16.EncodeRune(r); {
		case broken:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// A Writer escapes, like Text, everything written through it.
type Writer struct {
	to   io.Writer
	rest []byte // the beginning of an incomplete character
}

// NewWriter returns a Writer that writes to another writer.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes p escaped. If p ends within a character, Write keeps its beginning until the
// next Write or Flush.
func (w *Writer) Write(p []byte) (int, error) {
	text := slices.Concat(w.rest, p)
	end := len(text)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			end = i
		}
	}
	w.rest = text[end:]
	if _, err := io.WriteString(w.to, Text(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the bytes that Write kept.
func (w *Writer) Flush() error {
	rest := w.rest
	w.rest = nil
	_, err := io.WriteString(w.to, Text(string(rest)))
	return err
}
