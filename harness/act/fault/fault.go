// Package fault breaks something while a level is made: an LXD is killed or stopped, a disk is full, a program is missing.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/internal/standstill"
	"nestbed/harness/wait"
)

// Kind is how something breaks.
type Kind string

// The kinds of faults.
const (
	// LXDKilled is the LXD that makes the level, killed in the middle of the operation; the level's init starts another.
	LXDKilled Kind = "LXD killed"
	// LXDStopped is that LXD, which stands still from the beginning of the operation on (man 7 signal, SIGSTOP).
	LXDStopped Kind = "LXD stopped"
	// DatabaseCut is the database of that LXD, of which half is lost before the operation, as in a crash: the LXD is
	// killed, and does not come up again.
	DatabaseCut Kind = "database cut"
	// DiskFull is the disk of the host, without room from the beginning of the operation on. The host
	// needs a disk of its own for that: private.Config.Disk.
	DiskFull Kind = "disk full"
	// ProgramMissing and ProgramCut are of the files of the level itself, before it starts: the Program is not among
	// them, or only the first half of it.
	ProgramMissing Kind = "program missing"
	ProgramCut     Kind = "program cut"
)

// Fault is something that breaks while a level is made, at an operation on the way to it.
type Fault struct {
	Level int
	Op    idmap.Op
	Kind  Kind
	// Program is the name of one, for the kinds that are about one.
	Program string
}

// ItsLXD is the name of the level's LXD as a Program, be it an Incus.
const ItsLXD = "lxd"

// signs are files of the LXD or Incus that makes a container, of which the first is there when it is in the middle of an operation.
var signs = map[idmap.Op][]string{
	idmap.OpCreate: {"/var/lib/lxd/storage-pools/default/containers/%s/rootfs/usr"},
	idmap.OpStart:  {"/var/log/lxd/%s/lxc.conf", "/var/lib/lxd/run/%s/lxc.conf"},
}

// signBudget is for such a file to be there.
const signBudget = time.Minute

// Hook returns the hook that breaks it.
func (f Fault) Hook() harness.Hook {
	name := string(f.Kind)
	if f.Program != "" {
		name += ": " + f.Program
	}
	return harness.Hook{Level: f.Level, Op: f.Op, Name: name, Before: f.breakIt}
}

// breakIt breaks it. What waits for the middle of the operation returns as soon as ctx ends, as the operation has by
// then; the error of settled says whether it was done.
func (f Fault) breakIt(ctx context.Context, c *harness.Chain, l *harness.Level) (settled func() error, err error) {
	switch f.Kind {
	case DiskFull:
		return nil, host.FillDisk(c.Host)
	case LXDStopped:
		return nil, stopLXD(ctx, l.Above())
	case DatabaseCut:
		return nil, cutDatabase(ctx, l.Above())
	case LXDKilled:
		return killLXDAmid(ctx, l.Above(), l.Name, f.Op)
	case ProgramMissing:
		return nil, spoil(l, f.Program, (*inroot.Root).Remove)
	case ProgramCut:
		return nil, spoil(l, f.Program, (*inroot.Root).Cut)
	}
	return nil, fmt.Errorf("fault %q: not known", f.Kind)
}

// localDatabase is the part of a LXD's database that it reads first (LXD: lxd/db/node).
const localDatabase = "/var/lib/lxd/database/local.db"

func cutDatabase(ctx context.Context, of harness.Daemon) error {
	lxd, err := harness.DaemonProcess(ctx, of) // now: without its database it tells nobody
	if err != nil {
		return err
	}
	defer lxd.Release() //nolint:errcheck // nothing is written
	root, err := of.Root().Local()
	if err != nil {
		return err
	}
	return errors.Join(root.Cut(localDatabase), lxd.Kill())
}

// spoil does something to a program among the files of a level that has not started yet.
func spoil(l *harness.Level, program string, do func(files *inroot.Root, path string) error) error {
	if program == ItsLXD {
		var err error
		if program, _, err = l.Bundle.ReadProgram(); err != nil {
			return err
		}
	}
	root, err := l.Above().Root().Local()
	if err != nil {
		return err
	}
	files, err := root.Sub(harness.PathInPool(l, ""))
	if err != nil {
		return err
	}
	defer files.Close()
	path, err := bundle.FindProgram(files, program)
	if err != nil {
		return err
	}
	return do(files, path)
}

// StopLXD stops the level's LXD or Incus by SIGSTOP. When it returns, no thread of it runs.
func StopLXD(ctx context.Context, l *harness.Level) error {
	if err := stopLXD(ctx, l); err != nil {
		return fmt.Errorf("level %d: %w", l.Index, err)
	}
	return nil
}

func stopLXD(ctx context.Context, of harness.Daemon) error {
	lxd, err := harness.DaemonProcess(ctx, of)
	if err != nil {
		return err
	}
	return errors.Join(standstill.Stop(ctx, lxd), lxd.Release())
}

// killLXDAmid kills a LXD as soon as it is in the middle of an operation for the container.
func killLXDAmid(ctx context.Context, of harness.Daemon, container string, op idmap.Op) (settled func() error, err error) {
	names, ok := signs[op]
	if !ok {
		return nil, fmt.Errorf("operation %q: nothing tells when LXD is in the middle of it", op)
	}
	var paths []string
	for _, sign := range names {
		paths = append(paths, fmt.Sprintf(sign, container))
	}
	lxd, err := harness.DaemonProcess(ctx, of) // now, as it takes a while to find
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		err := wait.For(ctx, "wait for "+strings.Join(paths, " or "), signBudget, func(context.Context) error {
			var errs []error
			for _, path := range paths {
				_, err := of.Root().Look(ctx, path)
				if err == nil {
					return nil
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
		if err == nil {
			err = lxd.Kill()
		}
		done <- errors.Join(err, lxd.Release())
	}()
	return func() error {
		if err := <-done; err != nil {
			return fmt.Errorf("nothing was broken: %w", err)
		}
		return nil
	}, nil
}
