package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
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
	root, ok := r.way.(near)
	if !ok {
		return fmt.Errorf("%s: as a process of its own: %w", socket, ErrFar)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(pid), "--user", "--pid",
		"--setuid", fmt.Sprint(id), "--setgid", fmt.Sprint(id), "--", dialerName, socket)
	cmd.ExtraFiles = []*os.File{self, root.dir}
	// nsenter waits for the dialer in another process: both have to end where the context does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
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

// dialer connects to the socket that it is told, under its root, and carries bytes to and fro until its input ends.
func dialer() {
	path := filepath.Join(fmt.Sprintf("/proc/self/fd/%d", dialerRootFD), os.Args[1])
	conn, err := net.Dial("unix", path) //nolint:gosec // whoever started this process chose the socket
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
