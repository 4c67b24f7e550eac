package vm

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
)

// staticProgram returns the path of the running program. It fails unless the program is static,
// because the guest has other library versions.
func staticProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("virtual machine: %s: %w", path, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", errors.New("virtual machine: this program is dynamically linked, but the guest has other library versions; build it with CGO_ENABLED=0")
		}
	}
	return path, nil
}
