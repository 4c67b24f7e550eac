package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

// The dialer is this binary again, as a process of a level. nsenter starts it by
// its descriptor, because the path need not be open to the level's root, and a
// program that is started so is named so.
const (
	dialerName   = "/proc/self/fd/3"
	dialerRootFD = 4
)

// DialInside connects to a Unix socket of this root as a process of it: in the user and pid
// namespaces of the given pid of the machine, as the given user and group there. (/dev/lxd/sock
// serves by the pid and the uid of who connects: LXD: lxd/devlxd.go, hoistReq.) talk gets
// both directions of the connection; when it returns, that is closed.
func (r *Root) DialInside(ctx context.Context, pid int, id uint32, socket string, talk func(io.Writer, io.Reader) error) error {
	root, err := r.local()
	if err != nil {
		return fmt.Errorf("%s: as a process of its own: %w", socket, err)
	}
	self, err := unreadable()
	if err != nil {
		return fmt.Errorf("%s: %w", socket, err)
	}
	defer self.Close()
	cmd := command.New(ctx, "nsenter", "--target", strconv.Itoa(pid), "--user", "--pid",
		"--setuid", fmt.Sprint(id), "--setgid", fmt.Sprint(id), "--", dialerName, socket)
	cmd.ExtraFiles = []*os.File{self, root.Dir()}
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

// unreadable returns a copy of this program in memory that everybody may run but only root of the
// machine may read. The kernel lets nobody in a level trace a process that runs it, or follow its
// links in /proc (fs/exec.c, would_dump; man 2 ptrace). Otherwise root of the level could reach
// the machine's files through the dialer, whose root directory they are in.
func unreadable() (_ *os.File, err error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	fd, err := unix.MemfdCreate(dialerFile, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3, which always allows to run it
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

// dialer connects to the socket that it is told, under its root, and carries bytes to and fro
// until its input ends.
func dialer() {
	root := inroot.At(os.NewFile(dialerRootFD, "root"))
	conn, err := root.Dial(context.Background(), os.Args[1]) //nolint:forbidigo // the main of its process
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(os.Stdout, conn)
		_ = os.Stdout.Close() // who listens learns that no more comes
	}()
	_, _ = io.Copy(conn, os.Stdin)
}
