// Package printable escapes what could act on a terminal, or hide what a text says: control characters (those of C1,
// too), format characters such as overrides of the direction of writing, and bytes that are no UTF-8. What comes from
// a file, a log or an error passes through it before anybody sees it.
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

// Text returns text with everything escaped that is neither printable nor a newline or a tab. A character becomes
// \uXXXX (two of them beyond U+FFFF), as in JSON, so that escaped JSON still has the same value; a byte that is no
// UTF-8 becomes \xXX. Escaping twice changes no more than once.
func Text(text string) string { return escaped(text, "\n\t") }

// Line is Text for what must stay on its line: newlines and tabs are escaped, too.
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

// Writer escapes like Text what is written through it.
type Writer struct {
	to   io.Writer
	rest []byte // of a character whose end is still to come
}

// NewWriter returns a Writer to another one.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write writes p escaped. It keeps the beginning of a character that p does not end, until the next Write or Flush.
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

// Flush writes what Write has kept.
func (w *Writer) Flush() error {
	rest := w.rest
	w.rest = nil
	_, err := io.WriteString(w.to, Text(string(rest)))
	return err
}
