// Package fault injects faults while a level is made: it kills or stops an LXD daemon, fills a
// disk or removes a program.
package fault

import (
	"context"
	"errors"
	"fmt"
	"path"
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

// Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	// LXDKilled kills the LXD that makes the level, during the operation. The init beside that LXD
	// starts it again.
	LXDKilled Kind = "LXD killed"
	// LXDStopped stops that LXD by SIGSTOP before the operation (man 7 signal).
	LXDStopped Kind = "LXD stopped"
	// DatabaseCut truncates the database of that LXD to half before the operation, as in a crash.
	// The LXD is killed and cannot start again.
	DatabaseCut Kind = "database cut"
	// DiskFull fills the host's disk before the operation. The host needs its own disk for that:
	// private.Config.Disk.
	DiskFull Kind = "disk full"
	// ProgramMissing removes the Program from the level's files before the level starts;
	// ProgramCut truncates it to half.
	ProgramMissing Kind = "program missing"
	ProgramCut     Kind = "program cut"
)

// Fault is a fault that is injected at an operation while a level is made.
type Fault struct {
	Level int
	Op    idmap.Op
	Kind  Kind
	// Program is the name of the program, for ProgramMissing and ProgramCut.
	Program string
}

// ItsLXD is the Program that stands for the level's daemon, LXD or Incus.
const ItsLXD = "lxd"

// signs are files that LXD or Incus makes during an operation for a container. As soon as one of
// them exists, the operation is in progress.
var signs = map[idmap.Op][]string{
	idmap.OpCreate: {"/var/lib/lxd/storage-pools/default/containers/%s/rootfs/usr"},
	idmap.OpStart:  {"/var/log/lxd/%s/lxc.conf", "/var/lib/lxd/run/%s/lxc.conf"},
}

// signBudget limits the wait for such a file.
const signBudget = time.Minute

// Hook returns the hook that injects the fault.
func (f Fault) Hook() harness.Hook {
	name := string(f.Kind)
	if f.Program != "" {
		name += ": " + f.Program
	}
	return harness.Hook{Level: f.Level, Op: f.Op, Name: name, Before: f.breakIt}
}

// breakIt injects the fault. LXDKilled waits in the background until the operation is in progress,
// or ctx ends; settled returns an error if nothing was killed.
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

// localDatabase is the part of its database that LXD reads first (LXD: lxd/db/node).
const localDatabase = "/var/lib/lxd/database/local.db"

func cutDatabase(ctx context.Context, of harness.Daemon) error {
	lxd, err := harness.DaemonProcess(ctx, of) // before the cut: without its database LXD does not answer
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

// spoil calls do with a program in the files of a level that has not been started.
func spoil(l *harness.Level, program string, do func(files *inroot.Root, path string) error) error {
	if program == ItsLXD {
		inBundle, file, err := l.Bundle.OpenProgram()
		if err != nil {
			return err
		}
		program = path.Base(inBundle)
		_ = file.Close() // nothing was written
	}
	if l.Thin {
		return fmt.Errorf("level %d: program %s: its /usr is that of the level above; set Spec.Whole", l.Index, program)
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

// StopLXD stops the level's LXD or Incus by SIGSTOP. When it returns, none of the daemon's threads
// runs.
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

// killLXDAmid kills a daemon as soon as its operation for the container is in progress.
func killLXDAmid(ctx context.Context, of harness.Daemon, container string, op idmap.Op) (settled func() error, err error) {
	names, ok := signs[op]
	if !ok {
		return nil, fmt.Errorf("operation %q: no file shows that it is in progress; use create or start", op)
	}
	var paths []string
	for _, sign := range names {
		paths = append(paths, fmt.Sprintf(sign, container))
	}
	lxd, err := harness.DaemonProcess(ctx, of) // before the operation, because finding the process takes a while
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
			return fmt.Errorf("LXD was not killed: %w", err)
		}
		return nil
	}, nil
}
