package harness_test

import (
	"os"
	"testing"

	"nestbed/harness/host/start"
)

func TestMain(m *testing.M) {
	start.Init()
	os.Exit(m.Run())
}
