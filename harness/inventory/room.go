package inventory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/rerun"
)

// Room returns how many levels the kernel allows on a private host with a pid namespace of its
// own. It nests pid namespaces until the kernel refuses: one for the host, one for each level. On
// a machine the result is 31, as the kernel nests 32 (kernel/pid_namespace.c, MAX_PID_NS_LEVEL);
// in a container it is less. The kernel nests one more user namespace, and the host has none of
// its own. Room tries once in a process, in a fraction of a second.
//
// Accounts other than root try in a user namespace. If they may not make one, Room returns
// MachineRoom.
func Room() (int, error) { return room() }

var room = sync.OnceValues(func() (int, error) {
	first, err := nest(idmap.MaxDepth + 1)
	if err != nil {
		return 0, err
	}
	if os.Geteuid() != 0 {
		first.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		first.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		first.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := first.Output()
	if err != nil && os.Geteuid() != 0 {
		return MachineRoom, nil
	} else if err != nil {
		return 0, err
	}
	refused, err := strconv.Atoi(string(out))
	if err != nil {
		return 0, fmt.Errorf("read %q, expected the number of refused namespaces", out)
	}
	return idmap.MaxDepth + 1 - refused, nil
})

// MachineRoom is the room on a machine, whose own pid namespace is the first that the kernel nests.
const MachineRoom = 31

// Levels returns how many levels the kernel allows on a host that shares the pid namespace of this
// process, or that has its own. It gives up when ctx ends.
func Levels(ctx context.Context, sharePIDs bool) (int, error) {
	levels, err := unlessDone(ctx, Room)
	if err != nil {
		return 0, fmt.Errorf("nest pid namespaces: %w", err)
	}
	if sharePIDs {
		levels++
	}
	return levels, nil
}

// unlessDone returns the result of find, or why ctx has ended if that comes first.
func unlessDone(ctx context.Context, find func() (int, error)) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	type found struct {
		n   int
		err error
	}
	out := make(chan found, 1)
	go func() {
		n, err := find()
		out <- found{n, err}
	}()
	select {
	case f := <-out:
		return f.n, f.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// RegisterPrograms registers the program that Room runs this binary as.
func RegisterPrograms() { rerun.Register(roomName, probeRoom) }

const roomName = "nestbed-probe-room"

// nest returns the command that runs this binary in a new pid namespace, with so many levels
// inside.
func nest(levels int) (*exec.Cmd, error) {
	cmd, err := rerun.Command(roomName, strconv.Itoa(levels))
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	cmd.Env = command.Environment()
	return cmd, nil
}

// nestFurther runs nest and waits until it ends.
func nestFurther(levels int) error {
	next, err := nest(levels)
	if err != nil {
		return err
	}
	next.Stdout, next.Stderr = os.Stdout, os.Stderr
	return next.Run()
}

// probeRoom is that program. It starts the next level. The innermost one prints how many levels
// the kernel refuses.
func probeRoom() {
	levels, err := strconv.Atoi(os.Args[1])
	if err == nil && levels > 0 {
		err = nestFurther(levels - 1)
	}
	var exit *exec.ExitError
	switch {
	case err == nil && levels == 0, errors.Is(err, unix.ENOSPC):
		fmt.Print(levels)
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
