// Package scenarios_test runs the features, and tests written in plain Go, on a real LXD.
package scenarios_test

import (
	"fmt"
	"os"
	"testing"

	"nestbed/harness/host"
)

// TestMain looks, when all tests are done, for what they left on the machine.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		childBuilds()
	}
	status := m.Run()
	if left, err := leftByUs(); err != nil || len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the suite left %q (%v)\n", left, err)
		status = 1
	}
	os.Exit(status)
}

// leftByUs lists the hosts of this process that still stand, live or dead, and its stages that still run.
func leftByUs() ([]string, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	hosts, err := host.Leftovers()
	if err != nil {
		return nil, err
	}
	var left []string
	for _, h := range hosts {
		if h.Pid == os.Getpid() {
			left = append(left, h.Path)
		}
	}
	return left, nil
}
