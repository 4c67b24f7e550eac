package vm

import (
	"errors"
	"fmt"
	"os"

	"nestbed/harness/bundle"
)

// staticProgram returns the path of the running program. It fails unless the program is static,
// because the guest has other library versions.
func staticProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	dynamic, err := bundle.NeedsLoader(f)
	if err != nil {
		return "", fmt.Errorf("virtual machine: %s: %w", path, err)
	}
	if dynamic {
		return "", errors.New("virtual machine: this program is dynamically linked, but the guest has other library versions; build it with CGO_ENABLED=0")
	}
	return path, nil
}
