package scenarios_test

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
)

func TestDoctorSaysWhatALevelKeepsFromContainersInIt(t *testing.T) {
	parallel(t, 1)
	for nesting, want := range map[string]string{
		"true": `ok +proc with nothing over it +can be mounted in a user namespace\n`,
		"":     `missing +proc with nothing over it +exit status .*\n +fix: (lxc|incus) config set NAME security.nesting=true, and restart it\n`,
	} {
		h := harnesstest.Host(t, article)
		spec := harness.Cascade(1)
		spec.Levels[0].Config = map[string]string{idmap.KeyNesting: nesting}
		level := harnesstest.Build(t, h, spec).Levels[0]
		copyInto(t, buildNestbed(t), level)
		out, err := level.Exec(harnesstest.Context(t), "sh", "-c", programInLevel+" doctor; true")
		require.NoError(t, err)
		assert.Regexp(t, `containers here +ok +container manager +(LXD|Incus)\n`, out)
		assert.Regexp(t, want, out)
	}
}

// programInLevel is the path of a program in a level.
const programInLevel = "/root/nestbed"

// copyInto copies a program of this machine into a level.
func copyInto(t *testing.T, program string, level *harness.Level) {
	t.Helper()
	in, err := os.Open(program)
	require.NoError(t, err)
	defer in.Close()
	root, err := level.Root().Local()
	require.NoError(t, err)
	out, err := root.Create(programInLevel, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
