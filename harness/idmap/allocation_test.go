package idmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// ofRoot returns a line that LXD uses.
func ofRoot(start, count uint32) idmap.Allocation {
	return idmap.Allocation{Owner: idmap.Root, Start: start, Count: count}
}

func TestParseAllocationReadsALine(t *testing.T) {
	for text, want := range map[string]idmap.Allocation{
		"root:500000:196608":     ofRoot(500000, 196608),
		"root:0:1":               ofRoot(0, 1),
		"ROOT:65536:65536":       {Owner: "ROOT", Start: 65536, Count: 65536},
		"0:100000:65536":         {Owner: "0", Start: 100000, Count: 65536},
		"lxd-user_1:1:2":         {Owner: "lxd-user_1", Start: 1, Count: 2},
		"root:000500:0010":       ofRoot(500, 10), // decimal despite the leading zeros
		"root:4294967294:1":      ofRoot(4294967294, 1),
		"root:4294901759:65536":  ofRoot(4294901759, 65536),
		"root:0:4294967295":      ofRoot(0, 4294967295), // all ids
		"root:1:4294967294":      ofRoot(1, 4294967294),
		"root:65536:4294901759":  ofRoot(65536, 4294901759),
		"Jürgen:1000000:1000000": {Owner: "Jürgen", Start: 1000000, Count: 1000000},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := idmap.ParseAllocation(text)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseAllocationSaysWhatIsWrongAndHowToWriteIt(t *testing.T) {
	const (
		noStart = `the start is %q, expected a number from 0 to 4294967294`
		noCount = `the count is %q, expected a number from 1 to 4294967295`
		noOwner = `the owner is %q, expected a user's name`
		tooFar  = `its last id would be %s, but ids end at 4294967294`
	)
	for text, why := range map[string]string{
		"":                          "1 fields, expected 3",
		"root":                      "1 fields, expected 3",
		"root:500000":               "2 fields, expected 3",
		"root:500000:196608:":       "4 fields, expected 3",
		"a:b:c:d:e":                 "5 fields, expected 3",
		"#root:500000:196608":       fmt.Sprintf(noOwner, "#root"),
		":500000:196608":            fmt.Sprintf(noOwner, ""),
		" root:500000:196608":       fmt.Sprintf(noOwner, " root"),
		"root\t:500000:196608":      fmt.Sprintf(noOwner, "root\t"),
		"\nroot:500000:196608":      fmt.Sprintf(noOwner, "\nroot"),
		"root\r:500000:196608":      fmt.Sprintf(noOwner, "root\r"),
		"root::196608":              fmt.Sprintf(noStart, ""),
		"root:x:196608":             fmt.Sprintf(noStart, "x"),
		"root:-1:196608":            fmt.Sprintf(noStart, "-1"),
		"root:+1:196608":            fmt.Sprintf(noStart, "+1"),
		"root:0x10:196608":          fmt.Sprintf(noStart, "0x10"),
		"root:1_000:196608":         fmt.Sprintf(noStart, "1_000"),
		"root: 500000:196608":       fmt.Sprintf(noStart, " 500000"),
		"root:4294967296:1":         fmt.Sprintf(noStart, "4294967296"),
		"root:5:":                   fmt.Sprintf(noCount, ""),
		"root:5:x":                  fmt.Sprintf(noCount, "x"),
		"root:5:0":                  fmt.Sprintf(noCount, "0"),
		"root:5:-65536":             fmt.Sprintf(noCount, "-65536"),
		"root:5:65536\n":            fmt.Sprintf(noCount, "65536\n"),
		"root:5:65536\r":            fmt.Sprintf(noCount, "65536\r"),
		"root:5:0x10000":            fmt.Sprintf(noCount, "0x10000"),
		"root:5:4294967296":         fmt.Sprintf(noCount, "4294967296"),
		"root:4294967295:1":         fmt.Sprintf(tooFar, "4294967295"),
		"root:1:4294967295":         fmt.Sprintf(tooFar, "4294967295"),
		"root:4294901760:65536":     fmt.Sprintf(tooFar, "4294967295"),
		"root:4294967295:429496729": fmt.Sprintf(tooFar, "4724464023"),
	} {
		t.Run(text, func(t *testing.T) {
			got, err := idmap.ParseAllocation(text)
			require.EqualError(t, err,
				fmt.Sprintf("allocation %q: %s; write owner:start:count, such as root:500000:196608", text, why))
			assert.Zero(t, got, "a refused line must give a zero allocation")
		})
	}
}

func TestParseAllocationInvertsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint32Range(0, idmap.MaxID).Draw(t, "start")
		a := idmap.Allocation{
			Owner: rapid.StringMatching(`[^:# \t\r\n]+`).Draw(t, "owner"),
			Start: start,
			Count: rapid.Uint32Range(1, idmap.MaxID-start+1).Draw(t, "count"),
		}
		got, err := idmap.ParseAllocation(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, got)
	})
}

func FuzzParseAllocation(f *testing.F) {
	for _, text := range []string{
		"root:500000:196608", "ROOT:0:1", "0:100000:65536", "root:0:4294967295", "root:4294967294:1",
		"root:4294967295:1", "root:4294967296:1", "root:5:0", "root:5:-1", "root:5:x", "root:+5:07",
		":1:1", "root:1", "root:1:1:1", "root:1:1\r\n", " root:1:1", "#root:1:1", "r\x00t:1:1", "\xff:1:1", "::", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := idmap.ParseAllocation(text)
		if err != nil {
			assert.Zero(t, a)
			assert.ErrorContains(t, err, fmt.Sprintf("%q", text))
			return
		}
		assert.NotEmpty(t, a.Owner)
		assert.NotZero(t, a.Count)
		assert.LessOrEqual(t, uint64(a.Start)+uint64(a.Count)-1, uint64(idmap.MaxID))
		again, err := idmap.ParseAllocation(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, again)
	})
}
