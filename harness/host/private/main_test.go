package private

import (
	"os"
	"testing"

	"nestbed/harness/internal/rerun"
	"nestbed/harness/inventory"
)

func TestMain(m *testing.M) {
	inventory.RegisterPrograms()
	RegisterPrograms()
	rerun.Main()
	os.Exit(m.Run())
}
