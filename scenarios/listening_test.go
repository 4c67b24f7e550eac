package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A listener is a socket that others can connect or send to.
type listener struct {
	Kind    string // the file of /proc/PID/net that lists it
	Address string
	Inode   string
}

// listeners returns the listeners in the network namespace of a process, from /proc/PID/net: Unix
// sockets with a name, TCP sockets that listen, and all UDP and raw sockets.
func listeners(t *testing.T, pid string) []listener {
	t.Helper()
	var found []listener
	for _, kind := range []string{"unix", "tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		text, err := os.ReadFile(filepath.Join("/proc", pid, "net", kind))
		if os.IsNotExist(err) && strings.HasSuffix(kind, "6") {
			continue // a kernel without IPv6
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if l, ok := parseListener(kind, strings.Fields(line)); ok {
				found = append(found, l)
			}
		}
	}
	return found
}

// acceptsConnections is the flag __SO_ACCEPTCON of a Unix socket that listens (man 5 proc_pid_net,
// linux/net.h).
const acceptsConnections = "00010000"

// parseListener parses a line. It returns false for headings and for other sockets.
func parseListener(kind string, fields []string) (listener, bool) {
	const listens = "0A" // include/net/tcp_states.h
	switch {
	case kind == "unix":
		if len(fields) < 8 || fields[3] != acceptsConnections {
			return listener{}, false
		}
		return listener{kind, fields[7], fields[6]}, true
	case len(fields) < 10 || fields[0] == "sl" || strings.HasPrefix(kind, "tcp") && fields[3] != listens:
		return listener{}, false
	}
	return listener{kind, fields[1], fields[9]}, true
}

// heldBy returns the listeners that one of the processes, given as /proc/PID, has open.
func heldBy(t *testing.T, processes []string, all []listener) []listener {
	t.Helper()
	open := map[string]bool{}
	for _, dir := range processes {
		files, err := filepath.Glob(filepath.Join(dir, "fd", "*"))
		require.NoError(t, err)
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil { // it may have been closed
				open[to] = true
			}
		}
	}
	var held []listener
	for _, l := range all {
		if open["socket:["+l.Inode+"]"] {
			held = append(held, l)
		}
	}
	return held
}
