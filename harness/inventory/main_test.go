package inventory

import (
	"os"
	"testing"

	"nestbed/harness/internal/rerun"
)

func TestMain(m *testing.M) {
	RegisterPrograms()
	rerun.Main()
	os.Exit(m.Run())
}
