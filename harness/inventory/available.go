package inventory

import (
	"bytes"
	"fmt"
	"os"
)

// AvailableMemory returns how many bytes can be used without swapping (man 5 proc, MemAvailable),
// or 0 if that is unknown.
func AvailableMemory() uint64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte("MemAvailable:"))
	var kb uint64
	if _, err := fmt.Sscanf(string(after), "%d kB", &kb); err != nil {
		return 0
	}
	return kb << 10
}
