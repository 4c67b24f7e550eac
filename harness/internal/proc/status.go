// Package proc parses what the kernel writes about a process.
package proc

import (
	"embed"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"nestbed/harness/internal/excerpt"
)

// Sources holds the files of this package. They are part of the cache keys of programs built
// from it.
//
//go:embed *.go
var Sources embed.FS

// A Status is a process as /proc/PID/status shows it (man 5 proc_pid_status).
type Status struct {
	// Name is the command name, State such as "sleeping".
	Name, State string
	// UID and GID are the effective ids, as the reader's user namespace numbers them.
	UID, GID uint32
	// Parent is the parent's id in the pid namespace of this /proc.
	Parent string
	// PIDs are the process's ids in every pid namespace, from that of this /proc inwards.
	PIDs []string
	// Effective and Bounding are capability sets: bit N is capability N (man 7 capabilities).
	Effective, Bounding uint64
}

// Innermost returns the process's id in its innermost pid namespace, or "".
func (s Status) Innermost() string {
	if len(s.PIDs) == 0 {
		return ""
	}
	return s.PIDs[len(s.PIDs)-1]
}

// ParseStatus parses /proc/PID/status. It fails if a line is missing or malformed.
func ParseStatus(text string) (s Status, err error) {
	number := func(digits string, base, bits int) (n uint64) {
		if err == nil {
			n, err = strconv.ParseUint(digits, base, bits)
		}
		return n
	}
	missing := map[string]bool{"Name": true, "State": true, "Uid": true, "Gid": true, "PPid": true, "NSpid": true, "CapEff": true, "CapBnd": true}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		fields := strings.Fields(value)
		if !missing[key] || len(fields) == 0 {
			continue
		}
		delete(missing, key)
		switch key {
		case "Name":
			s.Name = value
		case "State": // such as "S (sleeping)"
			s.State = strings.Trim(value[1:], " ()")
		case "Uid", "Gid": // real, effective, saved, filesystem
			if len(fields) != 4 {
				return s, fmt.Errorf("process status: line %q: expected 4 ids", line)
			}
			id := uint32(number(fields[1], 10, 32))
			if key == "Uid" {
				s.UID = id
			} else {
				s.GID = id
			}
		case "PPid":
			s.Parent = fields[0]
		case "NSpid":
			s.PIDs = fields
		case "CapEff":
			s.Effective = number(fields[0], 16, 64)
		case "CapBnd":
			s.Bounding = number(fields[0], 16, 64)
		}
		if err != nil {
			return s, fmt.Errorf("process status: line %q: %w", line, err)
		}
	}
	for key := range missing {
		return s, fmt.Errorf("process status: read %q, expected a line %s", text, key)
	}
	return s, nil
}

// commandLength is the maximum length of a command line in a list of processes.
const commandLength = 160

// Describe returns a line for a list of processes. uid is the user id on the host. command is
// the content of /proc/PID/cmdline, which is empty for a kernel thread or a zombie.
func (s Status) Describe(pid string, uid uint32, command string) string {
	command = excerpt.OneLine(strings.ReplaceAll(command, "\x00", " "))
	if command == "" {
		command = "[" + s.Name + "]"
	}
	if len(command) > commandLength {
		command = command[:commandLength] + "..."
	}
	return fmt.Sprintf("pid %s, uid %d on the host, %s: %s", pid, uid, s.State, command)
}

// Path returns the path of a process's file in the machine's /proc.
func Path(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }
