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

// Exec runs a program on the host, as its root, and returns what it wrote to standard output. An exit status other
// than 0 is an error with what it wrote to standard error. After Close, the error is ErrClosed.
func (h *Host) Exec(ctx context.Context, argv ...string) (string, error) {
	return h.ExecIn(ctx, nil, argv...)
}

// ExecIn is Exec with a standard input.
func (h *Host) ExecIn(ctx context.Context, stdin io.Reader, argv ...string) (string, error) {
	inside, err := h.namespaces()
	if err != nil {
		return "", h.wrap(fmt.Sprintf("exec %q", argv), err)
	}
	defer inside.close()
	// nsenter, because only a process with one thread can enter a mount namespace. It is in every Debian (util-linux).
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

// RestartLXD ends the host's LXD, which leaves its containers running, and
// returns when the next one answers.
func (h *Host) RestartLXD(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) { return old, h.say(restartWord) })
}

// RestartLXDKilled is RestartLXD in which the next one is killed as soon as it answers, without a wait for it to be ready, and
// the one after that takes its place.
func (h *Host) RestartLXDKilled(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) {
		if err := h.say(restartWord); err != nil {
			return 0, err
		}
		next, err := h.root.Next(ctx, old)
		if err != nil {
			return 0, err
		}
		return next, h.say(killWord)
	})
}

func (h *Host) restart(ctx context.Context, end func(old int) (int, error)) error {
	server, err := h.root.Restart(ctx, h.LXD(), h.died, end)
	if err != nil {
		return h.withLog(ctx, h.wrap("restart LXD", err))
	}
	h.setServer(server)
	return nil
}

// say tells the stage a word.
func (h *Host) say(word string) error {
	_, err := h.control.WriteString(word)
	return err
}

// Processes are those of the host and of everything on it, by their ids on the machine.
func (h *Host) Processes() ([]int, error) {
	pids, err := h.groups.Processes()
	slices.Sort(pids)
	return pids, err
}

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
func (h *Host) namespaces() (open openNamespaces, err error) {
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
