package scenarios_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/wait"
)

// traces are what a run could leave on the machine, a line each: processes that are this program or in a cgroup of a
// host, and their namespaces; mounts, cgroups, loop devices, sockets that somebody listens on, files, AppArmor profiles.
type traces map[string]bool

// tracesBudget is for the kernel to let go of what has ended, and for what others do on the machine to end.
const tracesBudget = 30 * time.Second

// takeTraces looks at the whole machine, but for hosts of other runs that live under the same state root. Whatever else is
// done on the machine meanwhile is taken for a trace.
func takeTraces(t *testing.T) traces {
	t.Helper()
	found := traces{}
	for _, look := range []func(traces, func(string) bool) error{
		processTraces, mountTraces, cgroupTraces, socketTraces, fileTraces, profileTraces, loopTraces,
	} {
		require.NoError(t, look(found, othersHost(t)))
	}
	return found
}

// requireNothingLeft waits until everything that was not there before, and is there now, has been gone once.
func requireNothingLeft(t *testing.T, before traces) {
	t.Helper()
	var left traces
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for what was left to go", tracesBudget, func(context.Context) error {
		now := takeTraces(t)
		if left == nil {
			left = now
		}
		for trace := range left {
			if before[trace] || !now[trace] {
				delete(left, trace)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("%d things are left: %v", len(left), left)
		}
		return nil
	}))
}

// othersHost tells whether a path, or a line about one, is of a host that another run has now.
func othersHost(t *testing.T) func(string) bool {
	t.Helper()
	hosts, err := stateRoot().Leftovers()
	require.NoError(t, err)
	return func(text string) bool {
		for _, h := range hosts {
			if h.Live && (strings.Contains(text, h.Name) || strings.Contains(text, h.Path)) {
				return true
			}
		}
		return false
	}
}

// kinds are those of namespaces (man 7 namespaces).
var kinds = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"}

func processTraces(found traces, others func(string) bool) error {
	own := map[string]string{}
	for _, kind := range kinds {
		own[kind], _ = os.Readlink("/proc/self/ns/" + kind) // a kind that the kernel lacks is nobody's
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, dir := range processes {
		group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil || others(string(group)) { // it has ended, or is none of ours
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		program, _ := os.Readlink(filepath.Join(dir, "exe"))
		if filepath.Base(dir) == fmt.Sprint(os.Getpid()) || program != exe && !strings.Contains(string(group), "nestbed-") {
			continue
		}
		found[fmt.Sprintf("process %s %q", dir, command)] = true
		for _, kind := range kinds {
			if ns, err := os.Readlink(filepath.Join(dir, "ns", kind)); err == nil && ns != own[kind] {
				found["namespace "+ns] = true
			}
		}
	}
	return nil
}

func mountTraces(found traces, others func(string) bool) error {
	mounts, err := mountinfo.GetMounts(nil)
	for _, m := range mounts {
		if !others(m.Mountpoint) {
			found["mount "+m.Mountpoint] = true
		}
	}
	return err
}

func cgroupTraces(found traces, others func(string) bool) error {
	return filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && !others(path) {
			found["cgroup "+path] = true
		}
		return nil // one that went away while we looked is none
	})
}

func socketTraces(found traces, others func(string) bool) error {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return err
	}
	defer f.Close()
	// Connections are left out: they go with their processes, and have the name of who listens in the
	// network namespace of who has connected (net/unix/af_unix.c, unix_stream_connect).
	const listening = "00010000" // __SO_ACCEPTCON
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 8 && fields[3] == listening && !others(fields[7]) {
			found["socket "+fields[7]] = true
		}
	}
	return lines.Err()
}

// fileTraces are names in the places where LXD, liblxc and we keep things.
func fileTraces(found traces, others func(string) bool) error {
	for _, dir := range []string{
		stateRoot().Path(), "/dev/shm", "/run", "/run/lxc", "/run/lxd", "/var/lib/lxd", "/var/lib/lxc", "/var/log/lxd", "/var/log/lxc", "/etc",
	} {
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return err
		}
		for _, name := range names {
			if !others(name) {
				found["file "+name] = true
			}
		}
	}
	return nil
}

// loopTraces are loop devices that no host has any more.
func loopTraces(found traces, others func(string) bool) error {
	loops, err := private.LeakedLoops()
	for _, loop := range loops {
		if !others(loop) {
			found["loop device "+loop] = true
		}
	}
	return err
}

func profileTraces(found traces, others func(string) bool) error {
	text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err != nil {
		return nil // a machine without AppArmor has none
	}
	for profile := range strings.Lines(string(text)) {
		if !others(profile) {
			found["AppArmor profile "+strings.TrimSpace(profile)] = true
		}
	}
	return nil
}
