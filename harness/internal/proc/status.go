// Package proc parses what the kernel writes about a process (man 5 proc_pid_status).
package proc

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"nestbed/harness/internal/excerpt"
)

// Status is one as /proc/PID/status tells of it.
type Status struct {
	pid, state, name string
	UID, GID         uint32   // the effective ones, as who reads it sees them
	Parent           string   // the id of its parent, as this /proc has it
	PIDs             []string // in every pid namespace from that of this /proc inwards
}

// Innermost is the id that it has in the innermost of its pid namespaces.
func (p Status) Innermost() string {
	if len(p.PIDs) == 0 {
		return ""
	}
	return p.PIDs[len(p.PIDs)-1]
}

// commandLength is what of a command line a list of processes shows.
const commandLength = 160

// Parse reads /proc/PID/status.
func Parse(pid, status string) Status {
	p := Status{pid: pid}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch key {
		case "Name":
			p.name = strings.TrimSpace(value)
		case "State":
			p.state = strings.Trim(strings.TrimSpace(value)[1:], " ()")
		case "Uid":
			p.UID = effective(fields)
		case "Gid":
			p.GID = effective(fields)
		case "PPid":
			p.Parent = fields[0]
		case "NSpid":
			p.PIDs = fields
		}
	}
	return p
}

// effective is the second of the ids in a line of /proc/PID/status: real, effective, saved, filesystem.
func effective(fields []string) uint32 {
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.ParseUint(fields[1], 10, 32) // the kernel writes nothing else
	return uint32(id)
}

// Describe is a line of a list of processes. uid is that on the host, command /proc/PID/cmdline, which a kernel thread or a zombie has not.
func (p Status) Describe(uid uint32, command string) string {
	command = excerpt.OneLine(strings.ReplaceAll(command, "\x00", " "))
	if command == "" {
		command = "[" + p.name + "]"
	}
	if len(command) > commandLength {
		command = command[:commandLength] + "..."
	}
	return fmt.Sprintf("pid %s, uid %d on the host, %s: %s", p.pid, uid, p.state, command)
}

// Path returns the path of a file that the machine's /proc has about a process.
func Path(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }
