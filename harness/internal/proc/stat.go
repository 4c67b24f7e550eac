package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// startField is the index of the start time among the fields behind the name in /proc/PID/stat.
const startField = 19

// ParseStart returns the start time in /proc/PID/stat, in clock ticks since the boot (man 5 proc_pid_stat). With it,
// a process is told apart from one that gets its id later.
func ParseStart(stat []byte) (uint64, error) {
	// The name, in parentheses, can have any character.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= startField {
		return 0, fmt.Errorf("process stat: read %q, expected 52 fields", stat)
	}
	ticks, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("process stat: start time: %w", err)
	}
	return ticks, nil
}
