package steps_test

import (
	"os"
	"testing"

	"nestbed/harness/environment"
	"nestbed/harness/host/start"
)

func TestMain(m *testing.M) {
	start.Init()
	// Package scenarios writes there at the same time, and only one run may.
	if err := os.Unsetenv(environment.Reports); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
