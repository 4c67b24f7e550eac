package attempt

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAScriptsOutputShowsWhetherTheKernelRefused(t *testing.T) {
	for name, c := range map[string]struct {
		out     string
		wanted  Attempt
		refused bool
		fails   bool
	}{
		"done":                    {out: "nestbed: tried\nsome output\nnestbed: status 0\n", wanted: Attempt{Text: "some output"}},
		"refused":                 {out: "nestbed: tried\nmknod: /tmp/d: Operation not permitted\nnestbed: status 1\n", wanted: Attempt{Errno: "Operation not permitted", Text: "mknod: /tmp/d: Operation not permitted"}, refused: true},
		"busybox's own words":     {out: "nestbed: tried\nmount: permission denied (are you root?)\nnestbed: status 1\n", wanted: Attempt{Errno: "Operation not permitted", Text: "mount: permission denied (are you root?)"}, refused: true},
		"failed, but not refused": {out: "nestbed: tried\nswapon: f: Invalid argument\nnestbed: status 1\n", wanted: Attempt{Errno: "Invalid argument", Text: "swapon: f: Invalid argument"}},
		"a missing program":       {out: "nestbed: tried\nsh: swapon: not found\nnestbed: status 127\n", fails: true},
		"a missing option":        {out: "nestbed: tried\nnsenter: invalid option -- 'Z'\nnestbed: status 1\n", fails: true},
		"not tried":               {out: "nsenter: can't open '/proc/9/ns/user': No such file or directory\nnestbed: status 1\n", fails: true},
		"not ended":               {out: "nestbed: tried\n", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(3, "try", c.out)
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
