package rerun_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/internal/rerun"
)

// unpreparedEnv makes TestMain skip Main.
const unpreparedEnv = "NESTBED_TEST_UNPREPARED"

func TestMain(m *testing.M) {
	if os.Getenv(unpreparedEnv) == "" {
		rerun.Register("outer", outer)
		rerun.Register("inner", func() { fmt.Print("inside") })
		rerun.Main()
	}
	os.Exit(m.Run())
}

// outer runs inner.
func outer() {
	cmd, err := rerun.Command("inner")
	if err != nil {
		fmt.Print(err)
		return
	}
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); err != nil {
		fmt.Print(err)
	}
}

func TestAHelperProgramMayRunAnother(t *testing.T) {
	if os.Getenv(unpreparedEnv) != "" {
		t.Skip("Main was not called")
	}
	cmd, err := rerun.Command("outer")
	require.NoError(t, err)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "inside", string(out))
}

func TestAProgramWithoutMainDoesNotRunItself(t *testing.T) {
	if os.Getenv(unpreparedEnv) == "" {
		t.Setenv(unpreparedEnv, "1")
		cmd, err := rerun.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		require.NoError(t, err)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return
	}
	_, err := rerun.Command("inner")
	require.ErrorIs(t, err, rerun.ErrNoMain)
}
