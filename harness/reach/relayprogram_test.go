package reach

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARelayThatNeedsLibrariesIsRefused(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc, which makes go build link the relay dynamically")
	}
	path := filepath.Join(t.TempDir(), "nestbed-relay")
	for cgo, want := range map[string]string{"0": "", "1": "it needs libraries, which a level may not have"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "nestbed/harness/cmd/nestbed-relay")
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
		_, err = readRelay(t.Context(), path)
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}
