package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/internal/standstill"
	"nestbed/harness/wait"
)

// FaultKind is how something breaks.
type FaultKind string

// The kinds of faults.
const (
	// LXDKilled is the LXD that makes the level, killed in the middle of the operation; the level's init starts another.
	LXDKilled FaultKind = "LXD killed"
	// LXDStopped is that LXD, which stands still from the beginning of the operation on (man 7 signal, SIGSTOP).
	LXDStopped FaultKind = "LXD stopped"
	// DatabaseCut is the database of that LXD, of which half is lost before the operation, as in a crash: the LXD is
	// killed, and does not come up again.
	DatabaseCut FaultKind = "database cut"
	// DiskFull is the disk of the host, without room from the beginning of the operation on. The host
	// needs a disk of its own for that: host.Config.Disk.
	DiskFull FaultKind = "disk full"
	// ProgramMissing and ProgramCut are of the files of the level itself, before it starts: the Program is not among
	// them, or only the first half of it.
	ProgramMissing FaultKind = "program missing"
	ProgramCut     FaultKind = "program cut"
)

// Fault is something that breaks while a level is made, at an operation on the way to it.
type Fault struct {
	Level int
	Op    idmap.Op
	Kind  FaultKind
	// Program is the name of one, for the kinds that are about one.
	Program string
}

// ItsLXD is the name of the level's LXD as a Program, be it an Incus.
const ItsLXD = "lxd"

// breaks tells whether something breaks at one of these operations of a level.
func (s Spec) breaks(level int, ops ...idmap.Op) bool {
	return slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Level == level && slices.Contains(ops, f.Op) })
}

// signs are files of the LXD or Incus that makes a container, of which the first is there when it is in the middle of an operation.
var signs = map[idmap.Op][]string{
	idmap.OpCreate: {"/var/lib/lxd/storage-pools/default/containers/%s/rootfs/usr"},
	idmap.OpStart:  {"/var/log/lxd/%s/lxc.conf", "/var/lib/lxd/run/%s/lxc.conf"},
}

// signBudget is for such a file to be there.
const signBudget = time.Minute

// breakAt does what shall break at an operation. What waits for the middle of it returns as soon as ctx ends, as
// the operation has by then; the error of settled tells whether it was done.
func (c *Chain) breakAt(ctx context.Context, l *Level, op idmap.Op) (settled func() error, err error) {
	settled = func() error { return nil }
	for _, f := range c.Spec.Faults {
		if f.Level != l.Index || f.Op != op {
			continue
		}
		switch f.Kind {
		case DiskFull:
			err = host.FillDisk(c.Host)
		case LXDStopped:
			err = stopLXD(ctx, l.above)
		case DatabaseCut:
			err = cutDatabase(l.above)
		case LXDKilled:
			settled, err = killLXDAmid(ctx, l.above, l.Name, op)
		case ProgramMissing:
			err = l.spoil(f.Program, (*inroot.Root).Remove)
		case ProgramCut:
			err = l.spoil(f.Program, (*inroot.Root).Cut)
		default:
			err = fmt.Errorf("fault %q: not known", f.Kind)
		}
		if err != nil {
			return settled, fmt.Errorf("level %d, %s: %s: %w", l.Index, op, f.Kind, err)
		}
	}
	return settled, nil
}

// localDatabase is the part of a LXD's database that it reads first (LXD: lxd/db/node).
const localDatabase = "/var/lib/lxd/database/local.db"

func cutDatabase(of daemon) error {
	lxd, err := lxdProcess(of) // now: without its database it tells nobody
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
func (l *Level) spoil(program string, do func(files *inroot.Root, path string) error) error {
	if program == ItsLXD {
		var err error
		if program, _, err = l.Bundle.ReadProgram(); err != nil {
			return err
		}
	}
	root, err := l.above.Root().Local()
	if err != nil {
		return err
	}
	files, err := root.Sub(l.onDisk(""))
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
func (l *Level) StopLXD(ctx context.Context) error {
	if err := stopLXD(ctx, l); err != nil {
		return fmt.Errorf("level %d: %w", l.Index, err)
	}
	return nil
}

func stopLXD(ctx context.Context, of daemon) error {
	lxd, err := lxdProcess(of)
	if err != nil {
		return err
	}
	return errors.Join(standstill.Stop(ctx, lxd), lxd.Release())
}

// killLXDAmid kills a LXD as soon as it is in the middle of an operation for the container.
func killLXDAmid(ctx context.Context, of daemon, container string, op idmap.Op) (settled func() error, err error) {
	names, ok := signs[op]
	if !ok {
		return nil, fmt.Errorf("operation %q: nothing tells when LXD is in the middle of it", op)
	}
	var paths []string
	for _, sign := range names {
		paths = append(paths, fmt.Sprintf(sign, container))
	}
	lxd, err := lxdProcess(of) // now, as it takes a while to find
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		err := wait.For(ctx, "wait for "+strings.Join(paths, " or "), signBudget, func(context.Context) error {
			var errs []error
			for _, path := range paths {
				_, err := of.Root().Look(path)
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
	return func() error { return <-done }, nil
}

// lxdProcess returns the process of an LXD, which is not confused with one that gets its id later.
func lxdProcess(of daemon) (*os.Process, error) {
	server, _, err := of.LXD().GetServer()
	if err != nil {
		return nil, err
	}
	return processIn(of.Root(), server.Environment.ServerPid, daemonNames...)
}
