package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatCameOfADeed(t *testing.T) {
	for name, c := range map[string]struct {
		out     string
		wanted  Attempt
		refused bool
		fails   bool
	}{
		"done":                     {out: "nestbed: tried\nsome output\nnestbed: status 0\n", wanted: Attempt{Text: "some output"}},
		"refused":                  {out: "nestbed: tried\nmknod: /tmp/d: Operation not permitted\nnestbed: status 1\n", wanted: Attempt{Errno: "Operation not permitted", Text: "mknod: /tmp/d: Operation not permitted"}, refused: true},
		"busybox's own words":      {out: "nestbed: tried\nmount: permission denied (are you root?)\nnestbed: status 1\n", wanted: Attempt{Errno: "Operation not permitted", Text: "mount: permission denied (are you root?)"}, refused: true},
		"failed, but not refused":  {out: "nestbed: tried\nswapon: f: Invalid argument\nnestbed: status 1\n", wanted: Attempt{Errno: "Invalid argument", Text: "swapon: f: Invalid argument"}},
		"a program that is absent": {out: "nestbed: tried\nsh: swapon: not found\nnestbed: status 127\n", fails: true},
		"an option that is absent": {out: "nestbed: tried\nnsenter: invalid option -- 'Z'\nnestbed: status 1\n", fails: true},
		"not tried":                {out: "nsenter: can't open '/proc/9/ns/user': No such file or directory\nnestbed: status 1\n", fails: true},
		"not ended":                {out: "nestbed: tried\n", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseAttempt(3, Deed{Name: "try"}, c.out)
			if c.fails {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.wanted, got)
			assert.Equal(t, c.refused, got.Refused())
		})
	}
}

func TestDeedsHaveOneNameEach(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range deeds {
		assert.False(t, seen[d.Name], "two deeds are called %q", d.Name)
		seen[d.Name] = true
		assert.NotContains(t, d.try, "'", "the deed %q is put between these", d.Name)
		found, err := ParseDeed(d.Name)
		require.NoError(t, err)
		assert.Equal(t, d, found)
	}
	setting, err := ParseDeed("write the setting fs.file-max")
	require.NoError(t, err)
	assert.Contains(t, setting.try, "/proc/sys/fs/file-max")
	_, err = ParseDeed("write the setting ../../etc/passwd")
	require.Error(t, err)
}

func TestCredentialsOfAProcess(t *testing.T) {
	got, err := parseCredentials("Name:\txz\nUid:\t1000\t65536\t65536\t65536\nCapEff:\t0000000000000400\n")
	require.NoError(t, err)
	assert.Equal(t, Credentials{UID: 65536, Capabilities: 1 << 10}, got)
	_, err = parseCredentials("Uid:\t1000\t65536\t65536\t65536\n")
	require.Error(t, err)
}

func TestHalfOfTheMemory(t *testing.T) {
	const all = 25276514304 // 24684096 kB
	assert.True(t, HalfOf(all/2, all))
	assert.True(t, HalfOf(12342046720, all), "half of what a kB of 1000 bytes makes of it, in whole pages")
	assert.False(t, HalfOf(all/2+1, all))
	assert.False(t, HalfOf(314572800, all))
}
