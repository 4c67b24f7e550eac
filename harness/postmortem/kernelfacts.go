package postmortem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/internal/excerpt"
)

// kernelFiles show limits of the kernel, and their use, that can stop a chain although its ids are
// right.
var kernelFiles = []string{
	"/proc/sys/user/max_user_namespaces",
	"/proc/sys/user/max_pid_namespaces",
	"/proc/sys/kernel/unprivileged_userns_clone",
	"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
	"/proc/sys/kernel/keys/maxkeys",
	"/proc/sys/kernel/keys/maxbytes",
	"/proc/sys/kernel/pid_max",
	"/proc/sys/fs/inotify/max_user_instances",
	"/proc/loadavg",
}

// kernelFacts returns facts of the kernel, the memory, and the disk that holds the host's state.
func kernelFacts(h host.Host) (string, error) {
	var lines []string
	var errs []error
	for _, path := range kernelFiles {
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // this kernel does not have it
		case err != nil:
			errs = append(errs, err)
		default:
			lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(path, "/proc/sys/"), "/proc/")+" "+excerpt.OneLine(string(text)))
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err != nil {
		errs = append(errs, err)
	} else {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "MemTotal:") || strings.HasPrefix(line, "MemAvailable:") {
				lines = append(lines, excerpt.OneLine(line))
			}
		}
	}
	lines = append(lines, fmt.Sprintf("levels that the kernel allows on this host: %d", h.Traits().Room))
	var disk unix.Statfs_t
	if err := unix.Statfs(h.Traits().StateDir, &disk); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", h.Traits().StateDir, err))
	} else {
		lines = append(lines, fmt.Sprintf("%s: %d MB and %d inodes free", h.Traits().StateDir, disk.Bavail*uint64(disk.Bsize)>>20, disk.Ffree))
	}
	return strings.Join(lines, "\n"), errors.Join(errs...)
}
