package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A machine is a running virtual machine.
type machine struct {
	qemu    *process
	console *console
	port    net.Conn
}

func boot(ctx context.Context, hw hardware, i *Image, packages []packagesDisk, job Job, program string, to io.Writer) (*machine, error) {
	// The file is unnamed, as is QEMU's file with changes to the disk, so that killed runs leave
	// nothing.
	disk, err := os.CreateTemp("", "nestbed-job-")
	if err != nil {
		return nil, err
	}
	defer disk.Close()
	if err := os.Remove(disk.Name()); err != nil {
		return nil, err
	}
	for _, p := range packages {
		job.Packages = append(job.Packages, p.entry)
	}
	if err := job.write(disk, program); err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	m := &machine{console: &console{to: to}, port: ours}
	args := append(hw.command(i), append(disks(i, fmt.Sprintf("/proc/self/fd/%d", portFD+1), packages), port()...)...)
	if m.qemu, err = start(context.WithoutCancel(ctx), args, m.console, theirs, disk); err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	return m, nil
}

// socketPair returns the two ends of a connection. The second is for QEMU.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("virtual machine: socket: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "port")
	defer mine.Close()
	conn, err := net.FileConn(mine)
	return conn, os.NewFile(uintptr(fds[1]), "port"), err
}
