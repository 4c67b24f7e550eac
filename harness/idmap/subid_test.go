package idmap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

func TestALineOfASubIDFileIsJudgedByTheFlavorsRules(t *testing.T) {
	for text, want := range map[string]idmap.Verdict{
		"root:500000:65536":           idmap.Picked,
		"ROOT:500000:65536":           idmap.Picked,
		"root:500000:65536\r":         idmap.Picked, // the scanner of LXD accepts CR LF
		"root:500000:65536:more":      idmap.Picked,
		"root:500000:65536#comment":   idmap.Picked,
		"root:0500000:65536":          idmap.Picked, // decimal for LXD
		"root:4294967295:4294967295":  idmap.Picked, // valid numbers, even if the ids do not exist
		"root:500000:65536 # comment": idmap.BadNumber,
		"root:500000:65536 ":          idmap.BadNumber,
		"root: 500000:65536":          idmap.BadNumber,
		"root:+500000:65536":          idmap.BadNumber,
		"root:-1:65536":               idmap.BadNumber,
		"root:0x7a120:65536":          idmap.BadNumber,
		"root:4294967296:65536":       idmap.BadNumber,
		"root:500000:4294967296":      idmap.BadNumber,
		"root::65536":                 idmap.BadNumber,
		"root:500000:":                idmap.BadNumber,
		"root:500000:65535":           idmap.TooSmall,
		"root:500000:0":               idmap.TooSmall,
		"lxd:500000:65536":            idmap.OtherOwner,
		"lxd:x:y":                     idmap.OtherOwner,
		":500000:65536":               idmap.OtherOwner,
		" root:500000:65536":          idmap.OtherOwner,
		"rootless:500000:65536":       idmap.OtherOwner,
		"":                            idmap.NoEntry,
		"\r":                          idmap.NoEntry,
		"# root:500000:65536":         idmap.NoEntry,
		"#":                           idmap.NoEntry,
		" ":                           idmap.Malformed,
		" # a comment after a space":  idmap.Malformed,
		"root":                        idmap.Malformed,
		"root:500000":                 idmap.Malformed,
		"lxd:500000":                  idmap.Malformed,
		"root:500000#:65536":          idmap.Malformed,
	} {
		for _, f := range flavors {
			r := idmap.Read(idmap.File{Text: text + "\n"}, f)
			require.Len(t, r.Lines, 1, text)
			assert.Equal(t, want, r.Lines[0].Verdict, "%q, %s", text, f)
			assert.Equal(t, want == idmap.Malformed, r.Malformed == 1, "%q", text)
		}
	}
}

func TestOnlyIncusKnowsRootByNumberAndTakesSeveralLines(t *testing.T) {
	verdicts := func(f idmap.Flavor, lines ...string) string {
		var all []string
		for _, l := range idmap.Read(idmap.File{Text: strings.Join(lines, "\n")}, f).Lines {
			all = append(all, string(l.Verdict))
		}
		return strings.Join(all, ", ")
	}
	number, name := "0:500000:65536", "root:600000:65536"
	assert.Equal(t, "another owner", verdicts(idmap.LXD, number))
	assert.Equal(t, "picked", verdicts(idmap.Incus, number))
	assert.Equal(t, "another owner, picked", verdicts(idmap.LXD, number, name))
	assert.Equal(t, "another owner, picked", verdicts(idmap.Incus, number, name), "only if no line names root")
	assert.Equal(t, "another owner, too small", verdicts(idmap.Incus, number, "root:600000:5"), "even if the line is too small")
	assert.Equal(t, "picked, another owner", verdicts(idmap.Incus, number, "root:x:65536"), "but not if its numbers are invalid")

	assert.Equal(t, "too small, picked, not the first", verdicts(idmap.LXD, "root:1:1", name, name))
	assert.Equal(t, "too small, picked, picked", verdicts(idmap.Incus, "root:1:1", name, name))
}

func TestNothingIsReadAfterAMalformedLineOrALineOf64KiB(t *testing.T) {
	good := "root:500000:65536\n"
	r := idmap.Read(idmap.File{Text: good + "lxd\n" + good}, idmap.LXD)
	assert.Equal(t, 2, r.Malformed)
	assert.Equal(t, idmap.NotReached, r.Lines[2].Verdict)

	for length, verdict := range map[int]idmap.Verdict{65535: idmap.Picked, 65536: idmap.NotReached} {
		r = idmap.Read(idmap.File{Text: "#" + strings.Repeat("x", length-1) + "\n" + good}, idmap.LXD)
		assert.Equal(t, verdict, r.Lines[len(r.Lines)-1].Verdict, length)
	}
}

func TestShadowReadsTheSameLinesByOtherRules(t *testing.T) {
	block := []idmap.Mapping{{Parent: 500000, Count: 65536}}
	for text, want := range map[string]bool{
		"root:500000:65536":                    true,
		"0:500000:65536":                       true,
		"root:0x7a120:65536":                   true,
		"root: 500000:65536":                   true,
		"root:+500000:0200000":                 true, // octal
		"root:500000:32768\nroot:532768:32768": true, // adjacent
		"root:532768:32768\n0:499999:32769\n":  true,
		"root\nroot:500000:65536":              true, // a malformed line invalidates only itself
		"lxd:500000:65536\nroot:400000:165536": true,
		"root:500000:65535":                    false,
		"root:500001:65536":                    false,
		"root:500000:32768\nroot:532769:32767": false, // a hole
		"ROOT:500000:65536":                    false,
		"root:500000:65536#comment":            false,
		"root:500000:65536 # comment":          false,
		"root:500000:65536\r":                  false,
		"root:0500000:65536":                   false, // octal: 163840
		"root:0x:65536":                        false,
		"root:08:65536":                        false,
		"root:5:0":                             false,
		"root::65536":                          false,
		"root:500000":                          false,
		"lxd:500000:65536":                     false,
		"":                                     false,
		"root:500000:65536:" + strings.Repeat("x", 1024): false, // longer than shadow's buffer
	} {
		assert.Equal(t, want, idmap.Shadow("").Grants(idmap.File{Text: text + "\n"}, block), "%q", text)
	}
}

// The newuidmap of Debian 12, Debian 13 and sid did this with each line.
func TestVersionsOfShadowDifferInSomeLines(t *testing.T) {
	for text, want := range map[string][]bool{
		"root:500000:65536":                    {true, true, true},
		"root:-18446744073709051616:65536":     {true, false, false}, // 2^64 - 500000
		"root:500000:-18446744073709486080":    {true, false, false},
		"root:500000:65536:":                   {true, true, false},
		"root:500000:65536:more":               {true, true, false},
		"root:0:0":                             {true, true, false}, // 0 to 0-1 unsigned: all numbers
		"root:0:18446744073709551615":          {true, true, false},
		"root:0:4294967296":                    {true, true, false},
		"root:0:4294967295":                    {true, true, true},
		"root:500000:4294967295":               {true, true, false}, // ends after 2^32
		"root:600000:0":                        {false, false, false},
		"root:0:0\nroot:500000:65536":          {true, true, true},
		"root:4294967295:1\nroot:500000:65536": {true, true, true},
	} {
		for i, version := range []idmap.Shadow{"4.13", "4.17.4", "4.20.2"} {
			block := []idmap.Mapping{{Parent: 500000, Count: 65536}}
			assert.Equal(t, want[i], version.Grants(idmap.File{Text: text + "\n"}, block), "%s: %q", version, text)
		}
	}
	assert.True(t, idmap.Shadow("4.17.4").Grants(idmap.File{Text: "root:-0:600000\n"}, []idmap.Mapping{{Parent: 500000, Count: 65536}}), "zero is not negative")
}

func TestShadowGrantsRootItsOwnIDAndNothingWithoutAFile(t *testing.T) {
	own := []idmap.Mapping{{Inside: 7, Parent: 0, Count: 1}}
	assert.True(t, idmap.Shadow("").Grants(idmap.File{}, own))
	assert.False(t, idmap.Shadow("").Grants(idmap.File{}, []idmap.Mapping{{Parent: 0, Count: 2}}))
	assert.False(t, idmap.Shadow("").Grants(idmap.File{}, []idmap.Mapping{{Parent: 0, Count: 0}}))
	assert.False(t, idmap.Shadow("").Grants(idmap.File{Missing: true}, own), "the file must exist")
	assert.True(t, idmap.Shadow("").Grants(idmap.File{Text: "root:1000:1\nroot:500000:65536\n"}, []idmap.Mapping{
		{Inside: 0, Parent: 500000, Count: 1000}, {Inside: 1000, Parent: 1000, Count: 1}, {Inside: 1001, Parent: 501001, Count: 64535},
	}), "each range by itself")
}

// drawSubID draws the text of a file, from almost valid to garbage.
func drawSubID(t *rapid.T) string {
	field := rapid.OneOf(rapid.SampledFrom([]string{"root", "0", "500000", "65536", "65535", "4294967295", "0x10", " ", "#", "ROOT"}), rapid.String())
	line := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(field, 0, 5).Draw(t, "fields"), ":") })
	return strings.Join(rapid.SliceOf(line).Draw(t, "lines"), rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
}

func checkReading(t *rapid.T) {
	f := idmap.File{Text: drawSubID(t)}
	for _, flavor := range flavors {
		r := idmap.Read(f, flavor)
		picked := r.Picked()
		if !flavor.Incus() {
			require.LessOrEqual(t, len(picked), 1)
		}
		for i, l := range r.Lines {
			require.Equal(t, i+1, l.Number)
			require.Equal(t, r.Malformed == l.Number, l.Verdict == idmap.Malformed)
			require.Equal(t, r.Malformed != 0 && l.Number > r.Malformed, l.Verdict == idmap.NotReached)
		}
		for _, l := range picked {
			require.GreaterOrEqual(t, l.Allocation.Count, uint32(idmap.Block))
			require.Contains(t, r.Ranges, l.Allocation)
			// A picked line is a regular entry, with anything after it.
			require.Regexp(t, `^(?i:root|0):0*`+fmt.Sprint(l.Allocation.Start)+`:0*`+fmt.Sprint(l.Allocation.Count)+`(?s:[:#].*)?$`, l.Text)
		}
	}
	idmap.Shadow("").Grants(f, []idmap.Mapping{{Parent: 500000, Count: 65536}})
}

func TestAnyTextCanBeASubIDFile(t *testing.T) { rapid.Check(t, checkReading) }

func FuzzSubIDFile(f *testing.F) {
	for _, text := range []string{"root:500000:196608\n", "root:1:2\r\n0:3:4\r\n", "root:0:0\n", "# c\n\nroot", "root:0x7a120:65536", strings.Repeat("x", 65536)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := idmap.File{Text: text}
		for _, flavor := range flavors {
			r := idmap.Read(file, flavor)
			for _, l := range r.Picked() {
				// A picked line must give the same allocation when read alone.
				again := idmap.Read(idmap.File{Text: l.Text + "\n"}, flavor).Picked()
				if len(again) != 1 || again[0].Allocation != l.Allocation {
					t.Fatalf("%q: picked for %v, alone for %v", l.Text, l.Allocation, again)
				}
			}
		}
		idmap.Shadow("").Grants(file, []idmap.Mapping{{Parent: 500000, Count: 65536}})
	})
}

func BenchmarkReadSubID(b *testing.B) {
	text := strings.Repeat("root:500000:65535\nsomebody:600000:65536 # and a word\n", 50000)
	for b.Loop() {
		idmap.Read(idmap.File{Text: text}, idmap.LXD)
	}
}

func BenchmarkGranted(b *testing.B) {
	var text strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&text, "root:%d:10\n", 500000+10*i)
	}
	for b.Loop() {
		idmap.Shadow("").Grants(idmap.File{Text: text.String()}, []idmap.Mapping{{Parent: 500000, Count: 1000000}})
	}
}
