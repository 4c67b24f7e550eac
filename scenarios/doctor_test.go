package scenarios_test

import (
	"errors"
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
		program, err := os.Open(buildNestbed(t))
		require.NoError(t, err)
		_, err = level.ExecAs(harnesstest.Context(t), 0, program, "sh", "-c", "cat >/run/nestbed && chmod 755 /run/nestbed")
		require.NoError(t, errors.Join(err, program.Close()))
		out, err := level.Exec(harnesstest.Context(t), "sh", "-c", "/run/nestbed doctor; true")
		require.NoError(t, err)
		assert.Regexp(t, `containers here +ok +container manager +(LXD|Incus)\n`, out)
		assert.Regexp(t, want, out)
	}
}
