package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// Thaw resumes all processes in the cgroups that an LXD has frozen. A process in a frozen v1
// cgroup does not end when it is killed, and neither does the init of its pid namespace; on v2
// both end (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst
// "cgroup.freeze").
func (g Groups) Thaw() error {
	var frozen []string
	for _, dir := range g {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "freezer.state" {
				frozen = append(frozen, path)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it was just removed
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, path := range frozen {
		err := os.WriteFile(path, []byte("THAWED"), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	return nil
}

// Kill kills every process in the cgroups except the calling one. v2 does that atomically, so
// no fork escapes (cgroup-v2.rst, cgroup.kill, since Linux 5.14). v1 needs rounds until no
// process is left.
func (g Groups) Kill(ctx context.Context) error {
	if err := g.Thaw(); err != nil {
		return err
	}
	for _, dir := range g {
		file, err := os.OpenFile(filepath.Join(dir, "cgroup.kill"), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		_, err = file.WriteString("1")
		return errors.Join(err, file.Close())
	}
	return wait.For(ctx, "end processes", EmptyBudget, func(context.Context) error {
		pids, err := g.Processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		return errors.Join(g.signal(pids), fmt.Errorf("%d processes still run", len(pids)))
	})
}

// signal kills those processes that are still in the cgroups. It never kills another process
// that has got one of their ids.
func (g Groups) signal(pids []int) error {
	held := map[int]*os.Process{}
	defer func() {
		for _, p := range held {
			_ = p.Release() // nothing was written that could be lost
		}
	}()
	var errs []error
	for _, pid := range pids {
		p, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		held[pid] = p
	}
	// For an id that is still listed, the held process is the one in the cgroups, or has ended.
	still, err := g.Processes()
	for _, pid := range still {
		if p := held[pid]; p != nil {
			if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
			}
		}
	}
	return errors.Join(append(errs, err)...)
}

// Processes returns the ids of the processes in and below the first cgroup, which has all of
// them, without the calling one.
func (g Groups) Processes() ([]int, error) {
	var pids []int
	for _, dir := range g[:min(1, len(g))] {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed in the meantime, or never created
			}
			if err != nil || e.Name() != "cgroup.procs" {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // the kernel makes no links in a cgroup hierarchy
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			for _, word := range strings.Fields(string(text)) {
				// Id 0 is a process outside this pid namespace, but kill would take it for the
				// caller's process group.
				if pid, err := strconv.Atoi(word); err == nil && pid > 1 && pid != os.Getpid() {
					pids = append(pids, pid)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return pids, nil
}

// Hold returns the cgroups as paths of open descriptors, for a process that will lose access to
// their paths.
func (g Groups) Hold() (Groups, error) {
	var held Groups
	for _, dir := range g {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("cgroup %s: %w", dir, err)
		}
		// The slash is necessary because WalkDir does not follow a symlink at its root.
		held = append(held, fmt.Sprintf("/proc/self/fd/%d/", fd))
	}
	return held, nil
}
