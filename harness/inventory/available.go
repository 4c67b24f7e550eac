package inventory

import (
	"bytes"
	"fmt"
	"os"
)

// AvailableMemory is what can be used without swapping, in bytes (man 5 proc, MemAvailable); 0 if nobody knows.
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
