package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// startField is the index of the start time among the fields after the name in /proc/PID/stat.
const startField = 19

// ParseStart returns the start time in /proc/PID/stat, in clock ticks since boot (man 5
// proc_pid_stat). It distinguishes a process from a later one with the same id.
func ParseStart(stat []byte) (uint64, error) {
	// The name, in parentheses, may contain any character.
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
