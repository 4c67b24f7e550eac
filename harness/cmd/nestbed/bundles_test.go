package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host/start"
)

func TestABundleAppliesToAllPlacesOrToOne(t *testing.T) {
	bookworm := bundle.Source{Kind: bundle.Debian, Arg: "bookworm"}
	incus := bundle.Source{Kind: bundle.Debian, Arg: "trixie", Incus: true}
	for text, want := range map[string]map[int]bundle.Source{
		"":                      {},
		"debian:bookworm":       {0: bookworm},
		"host=debian:bookworm":  {0: bookworm},
		"2=debian:trixie/incus": {2: incus},
		"host=debian:bookworm,3=debian:trixie/incus": {0: bookworm, 3: incus},
		"debian:bookworm,1=debian:trixie/incus":      {0: bookworm, 1: incus},
		"installed,no-newuidmap,1=installed":         {0: {Kind: bundle.Installed, NoShadow: true}, 1: {Kind: bundle.Installed}},
		"dir:/a,b,2=dir:/c=d":                        {0: {Kind: bundle.Dir, Arg: "/a,b"}, 2: {Kind: bundle.Dir, Arg: "/c=d"}},
	} {
		got, err := parseBundles(text, 3)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestInvalidBundlesAreRefused(t *testing.T) {
	const notKnown = ": unknown; write installed, built:DIR, snap:FILE, module:lxd, debian:SUITE, debian:SUITE/incus, dir:PATH or tar:FILE (a SUITE is, for example, trixie)"
	for text, want := range map[string]string{
		"debian":                         `bundle "debian"` + notKnown,
		"host=":                          `bundle ""` + notKnown,
		"4=installed":                    "level 4: out of range; this chain has a host and levels 1 to 3",
		"0=installed":                    "level 0: out of range; this chain has a host and levels 1 to 3",
		"99999999999999999999=installed": "level 99999999999999999999: out of range; this chain has a host and levels 1 to 3",
		"1=installed,1=installed":        "1: given twice; name each place once",
		"installed,host=debian:trixie":   "host: given twice; name each place once",
		"c1=installed":                   `bundle "c1=installed"` + notKnown,
	} {
		_, err := parseBundles(text, 3)
		require.EqualError(t, err, want, text)
	}
}

func TestAnInvalidBundleIsAUsageError(t *testing.T) {
	_, _, err := upFlags{bundle: "debian", depth: 3}.makeBundles(t.Context(), start.Site{}, newProgress(nil))
	var usage *usageError
	require.ErrorAs(t, err, &usage)
	require.ErrorContains(t, err, `--bundle: bundle "debian": unknown; write installed`)
}

func FuzzParseBundles(f *testing.F) {
	for _, text := range []string{"", "installed", "host=installed,2=debian:sid/incus", "1=dir:/a,b", ",", "=", "1=,", "host=host=installed"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, depth int) {
		sources, err := parseBundles(text, depth)
		for level, s := range sources {
			if err == nil {
				assert.True(t, level == 0 || level <= depth, "level %d of %d", level, depth)
				assert.NotZero(t, s)
			}
		}
	})
}
