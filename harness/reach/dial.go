package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/rerun"
)

// A connection from inside a level takes two processes of this binary. The entrance is only in
// the user namespace of the level. It starts the dialer, which is in the pid namespace as
// well. nsenter must not enter both: the level would see nsenter's child while that is still
// the machine's root, and root of the level could trace it.
const (
	entranceName = "/proc/self/fd/3" // nsenter starts it by its descriptor, and under that name
	dialerName   = "nestbed-dialer"
)

// The descriptors that both are started with.
const (
	dialerFD = 3 + iota
	dialerRootFD
	dialerPIDsFD
)

// RegisterPrograms registers the programs that DialInside runs this binary as.
func RegisterPrograms() {
	rerun.Register(entranceName, enter)
	rerun.Register(dialerName, dialAndCopy)
}

// DialInside connects to a Unix socket of this root as a process of it: in the user and pid
// namespaces of its init, with the given user and group id. (/dev/lxd/sock identifies its client
// by pid and uid; LXD: lxd/devlxd.go, hoistReq.) It calls talk with both directions of the
// connection, and closes the connection when talk returns.
func (r *Root) DialInside(ctx context.Context, id uint32, socket string, talk func(io.Writer, io.Reader) error) error {
	root, err := r.local()
	if err != nil {
		return fmt.Errorf("%s: connect as a process of the level: %w", socket, err)
	}
	if err := rerun.Ready(); err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	self, err := unreadable()
	if err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	defer self.Close()
	init, err := root.Process(1)
	if err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	defer init.Close()
	pids, err := init.Namespace("pid")
	if err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	defer pids.Close()
	users, err := init.Namespace("user")
	if err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	defer users.Close()
	cmd := command.New(ctx, "nsenter", "--user=/proc/self/fd/6", "--", entranceName, fmt.Sprint(id), socket)
	cmd.Env = command.Environment() // without Go in PATH, so that it starts no program that root of the level could trace
	cmd.ExtraFiles = []*os.File{self, root.Dir(), pids, users}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	talked := talk(in, out)
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		return errors.Join(talked, fmt.Errorf("%s: %w: %s", socket, err, strings.TrimSpace(stderr.String())))
	}
	return talked
}

// unreadable returns a copy of this program in memory. Every account may run it, but only root of
// the machine may read it. The kernel then lets nobody in a level trace its process or follow the
// process's links in /proc (fs/exec.c, would_dump; man 2 ptrace). Otherwise root of the level
// could reach the machine's files, because the dialer has the machine's root directory.
func unreadable() (_ *os.File, err error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	fd, err := unix.MemfdCreate(dialerFile, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // Linux before 6.3, where such files are always executable
		fd, err = unix.MemfdCreate(dialerFile, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), dialerFile)
	if _, err = io.Copy(file, self); err == nil {
		err = file.Chmod(0o111)
	}
	// A file that is open for writing cannot be run (man 2 execve, ETXTBSY).
	reader, rerr := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err = errors.Join(err, rerr, file.Close()); err != nil {
		return nil, err
	}
	return reader, nil
}

const dialerFile = "nestbed-dialer"

// enter starts the dialer in the pid namespace of the level, and ends as the dialer does.
func enter() {
	if err := enterPIDs(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func enterPIDs() error {
	// The namespace of a thread's children is a property of the thread.
	runtime.LockOSThread()
	if err := unix.Setns(dialerPIDsFD, unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("enter the level's pid namespace: %w", err)
	}
	//nolint:gosec // the parent process chose the arguments
	p, err := os.StartProcess(entranceName, []string{dialerName, os.Args[1], os.Args[2]}, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(dialerFD, "dialer"), os.NewFile(dialerRootFD, "root")},
	})
	if err != nil {
		return err
	}
	// Only the dialer holds the connection now, so the peer notices when the dialer ends.
	_ = os.Stdin.Close()
	_ = os.Stdout.Close()
	state, err := p.Wait()
	if err == nil && !state.Success() {
		os.Exit(1) // the dialer has said why
	}
	return err
}

// dialAndCopy is the dialer. It connects to a socket and copies bytes both ways until its input
// ends.
func dialAndCopy() {
	conn, err := dialAs(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(os.Stdout, conn)
		_ = os.Stdout.Close() // the reader sees the end
	}()
	_, _ = io.Copy(conn, os.Stdin)
}

// dialAs connects as a user of the level, after it has left the machine's root directory. Only
// then does it make the process dumpable, because the LXD above the level reads the process's
// namespaces.
func dialAs(user, socket string) (net.Conn, error) {
	id, err := strconv.Atoi(user)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return unix.Fchdir(dialerRootFD) },
		func() error { return unix.Chroot(".") },
		func() error { return errors.Join(unix.Close(dialerFD), unix.Close(dialerRootFD)) },
		func() error { return syscall.Setgroups(nil) },
		func() error { return syscall.Setgid(id) },
		func() error { return syscall.Setuid(id) },
		func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return net.Dial("unix", socket) //nolint:gosec,noctx // the parent process ends this one and chose the socket
}
