package printable_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/printable"
)

func TestTerminalControlIsEscaped(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"ids 0 to 65535, ├─┤ é 世界 😀 \ufffd": "ids 0 to 65535, ├─┤ é 世界 😀 \ufffd",
		"line\nand\ttab":                "line\nand\ttab",
		"\x1b[31mred\x1b[0m":            `\u001b[31mred\u001b[0m`,
		"a\rb\a\b\v\f\x00\x7f":          `a\u000db\u0007\u0008\u000b\u000c\u0000\u007f`,
		"C1: \u009b31m":                 `C1: \u009b31m`,
		"C1 as a byte: \x9b31m":         `C1 as a byte: \x9b31m`,
		"half \xe4\xb8":                 `half \xe4\xb8`,
		"user\u202etxt.exe\u2066\u200b": `user\u202etxt.exe\u2066\u200b`,
		"line\u2028paragraph\u2029":     `line\u2028paragraph\u2029`,
		"tag \U000e0041":                `tag \udb40\udc41`,
		`already \u001b`:                `already \u001b`,
	} {
		assert.Equal(t, want, printable.Text(text))
	}
	assert.Equal(t, `two\u000alines\u0009`, printable.Line("two\nlines\t"))
}

func TestEscapedJSONHasTheSameValue(t *testing.T) {
	value := "\x1b \u009b \u202e \U000e0041 \x7f"
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var got string
	require.NoError(t, json.Unmarshal([]byte(printable.Text(string(text))), &got))
	assert.Equal(t, value, got)
}

func TestAFileThatIsWrittenInPiecesKeepsItsCharacters(t *testing.T) {
	var out bytes.Buffer
	w := printable.NewWriter(&out)
	const text = "é世😀\x1b[0m\xe4\xb8" // the last character is incomplete
	for i := range len(text) {
		n, err := w.Write([]byte{text[i]})
		require.NoError(t, err)
		assert.Equal(t, 1, n)
	}
	assert.Equal(t, `é世😀\u001b[0m`, out.String())
	require.NoError(t, w.Flush())
	assert.Equal(t, printable.Text(text), out.String())
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[2J", "\u009b", "\xff\xfe", "\U000e0041", "é\xc3", "\\u001b"} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		got := printable.Text(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q: no UTF-8: %q", text, got)
		}
		graphic := func(r rune) bool { return unicode.IsGraphic(r) || r == '\n' || r == '\t' }
		if i := strings.IndexFunc(got, func(r rune) bool { return !graphic(r) }); i >= 0 {
			t.Errorf("%q: left at byte %d: %q", text, i, got)
		}
		if again := printable.Text(got); again != got {
			t.Errorf("%q: escaped twice: %q, once: %q", text, again, got)
		}
		if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !graphic(r) }) && got != text {
			t.Errorf("%q: printable, but changed: %q", text, got)
		}
		var out bytes.Buffer
		w := printable.NewWriter(&out)
		cut = min(max(cut, 0), len(text))
		for _, part := range []string{text[:cut], text[cut:]} {
			if _, err := w.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil || out.String() != got {
			t.Errorf("%q: written in two pieces: %q, at once: %q (%v)", text, out.String(), got, err)
		}
	})
}
