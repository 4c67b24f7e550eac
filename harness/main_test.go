package harness_test

import (
	"os"
	"testing"

	"nestbed/harness/host"
)

func TestMain(m *testing.M) {
	host.Init()
	os.Exit(m.Run())
}
