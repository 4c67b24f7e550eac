package inventory

import (
	"os"
	"strings"
	"syscall"
	"time"
)

// processor returns the kernel's name of the first processor. Some architectures have no names.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	return modelName(string(text))
}

func modelName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor without a name"
}

// emulated reports whether QEMU translates for the processor, which makes it some twenty times
// slower than its host's (QEMU: target/i386/cpu.c, the name of "max").
func emulated(model string) bool { return strings.Contains(model, "QEMU TCG") }

// OwnCPU returns the processor time that this process has used.
func OwnCPU() (time.Duration, error) {
	var own syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	return time.Duration(own.Utime.Nano() + own.Stime.Nano()), err
}
