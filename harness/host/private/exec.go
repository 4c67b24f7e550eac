package private

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
)

// Exec runs a program on the host as root, and returns its standard output. If the exit status is
// not 0, the error contains the standard error. After Close, the error is ErrClosed.
func (h *Host) Exec(ctx context.Context, argv ...string) (string, error) {
	return h.ExecIn(ctx, nil, argv...)
}

// ExecIn is Exec with standard input.
func (h *Host) ExecIn(ctx context.Context, stdin io.Reader, argv ...string) (string, error) {
	inside, err := h.namespaces()
	if err != nil {
		return "", h.wrap(fmt.Sprintf("exec %q", argv), err)
	}
	defer inside.close()
	// nsenter, because only a process with a single thread can enter a mount namespace. Every
	// Debian has it (util-linux).
	cmd := command.New(ctx, "nsenter", append(append(inside.options(), "--"), argv...)...)
	cmd.ExtraFiles = inside
	cmd.Env = command.Environment()
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("host %s: exec %q: %w: %s", h.name, argv, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// RestartLXD ends the host's LXD and returns when the next one answers. Containers keep running.
func (h *Host) RestartLXD(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) { return old, h.sendWord(restartWord) })
}

// RestartLXDKilled is RestartLXD, but kills the next LXD as soon as it answers, before it is
// ready, and returns when the one after it answers.
func (h *Host) RestartLXDKilled(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) {
		if err := h.sendWord(restartWord); err != nil {
			return 0, err
		}
		next, err := h.root.Next(ctx, old)
		if err != nil {
			return 0, err
		}
		return next, h.sendWord(killWord)
	})
}

func (h *Host) restart(ctx context.Context, end func(old int) (int, error)) error {
	server, err := h.root.Restart(ctx, h.LXD(), h.checkAlive, end)
	if err != nil {
		return h.withLog(ctx, h.wrap("restart LXD", err))
	}
	h.setServer(server)
	return nil
}

// sendWord sends a word to the stage.
func (h *Host) sendWord(word string) error {
	_, err := h.control.WriteString(word)
	return err
}

// Processes returns the pids, on the machine, of the processes of the host and its levels.
func (h *Host) Processes() ([]int, error) {
	pids, err := h.groups.Processes()
	slices.Sort(pids)
	return pids, err
}

// ErrClosed is the error of using a host after Close.
var ErrClosed = errors.New("the host is closed; start another one")

// namespaceFiles lists the files below /proc/PID that a program needs to enter a host, with their
// options of nsenter. pid comes after those that need the machine's /proc, and wd after root.
var namespaceFiles = []struct{ file, option string }{
	{"ns/mnt", "mount"},
	{"ns/uts", "uts"},
	{"ns/ipc", "ipc"},
	{"ns/net", "net"},
	{"ns/cgroup", "cgroup"},
	{"ns/pid", "pid"},
	{"root", "root"},
	{"root", "wd"},
}

// openNamespaces are descriptors of the files in entered, in the same order. They keep referring
// to this host even if its pid is used again.
type openNamespaces []*os.File

// namespaces opens the host's namespaces. The lock keeps Close from waiting for the host's init
// meanwhile, so the kernel cannot give the init's pid to another process.
func (h *Host) namespaces() (open openNamespaces, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	for _, e := range namespaceFiles {
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

// options returns the options of nsenter. The descriptors must be its ExtraFiles.
func (n openNamespaces) options() []string {
	var options []string
	for i := range n {
		options = append(options, fmt.Sprintf("--%s=/proc/self/fd/%d", namespaceFiles[i].option, 3+i))
	}
	return options
}

func (n openNamespaces) close() {
	for _, f := range n {
		_ = f.Close() // nothing was written
	}
}
