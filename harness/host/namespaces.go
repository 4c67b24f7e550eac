package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrClosed is the error of what needs a host that still runs.
var ErrClosed = errors.New("the host is closed; start another one")

// entered are the files below /proc/PID that a program needs to run on a host, with nsenter's option for each.
// pid comes after those that need the machine's /proc, and the working directory after the root.
var entered = []struct{ file, option string }{
	{"ns/mnt", "mount"},
	{"ns/uts", "uts"},
	{"ns/ipc", "ipc"},
	{"ns/net", "net"},
	{"ns/cgroup", "cgroup"},
	{"ns/pid", "pid"},
	{"root", "root"},
	{"root", "wd"},
}

// openNamespaces are descriptors of entered, in that order. They stay those of one host, whoever gets its pid later.
type openNamespaces []*os.File

// namespaces opens the host's namespaces. The lock keeps Close from waiting for the host's init meanwhile, and so
// the init's pid from being given to another process.
func (h *PrivateHost) namespaces() (open openNamespaces, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	for _, e := range entered {
		path := fmt.Sprintf("/proc/%d/%s", h.Pid(), e.file)
		flags := unix.O_RDONLY | unix.O_CLOEXEC
		if e.file == "root" {
			flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
		}
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			open.close()
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		open = append(open, os.NewFile(uintptr(fd), path))
	}
	return open, nil
}

// options are nsenter's, to which the descriptors are passed as its extra files.
func (n openNamespaces) options() []string {
	var options []string
	for i := range n {
		options = append(options, fmt.Sprintf("--%s=/proc/self/fd/%d", entered[i].option, 3+i))
	}
	return options
}

func (n openNamespaces) close() {
	for _, f := range n {
		_ = f.Close() // nothing was written
	}
}
