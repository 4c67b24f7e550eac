package wall

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
)

func TestASettingNameCannotContainShellCode(t *testing.T) {
	for _, name := range []string{"", "kernel", "kernel.pid_max; reboot", "kernel.$(id)", "../../etc/shadow", "kernel.a/b", "kernel..x\n"} {
		_, err := Setting(t.Context(), (&harness.Chain{}), 0, name)
		require.ErrorContains(t, err, "expected a name such as kernel.pid_max", name)
	}
}
