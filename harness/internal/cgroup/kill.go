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

// Thaw lets everything in the cgroups go on that an LXD has frozen. A process in a frozen v1 cgroup does
// not even end when it is killed, and then the init of its pid namespace does not either;
// v2 ends it (Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst "cgroup.freeze").
func (g Groups) Thaw() error {
	var frozen []string
	for _, dir := range g {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "freezer.state" {
				frozen = append(frozen, path)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
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

// Kill ends every process in the cgroups, the calling one last. v2 does it at a stroke, and
// no fork escapes (cgroup-v2.rst, cgroup.kill, since Linux 5.14); v1 in rounds, until nobody is left.
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
		return errors.Join(g.signal(pids), fmt.Errorf("%d processes were still there", len(pids)))
	})
}

// signal kills those of the processes that are in the cgroups, and not whoever has got the id of one of them.
func (g Groups) signal(pids []int) error {
	held := map[int]*os.Process{}
	defer func() {
		for _, p := range held {
			_ = p.Release() // nothing is written
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
	// What is in the cgroups now, and is held, was held when it was in them, or has ended.
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

// Processes are those in the first of the cgroups, which has all, and in those below it, but for the calling one.
func (g Groups) Processes() ([]int, error) {
	var pids []int
	for _, dir := range g[:min(1, len(g))] {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile, or never made
			}
			if err != nil || e.Name() != "cgroup.procs" {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // the kernel makes no links in a cgroup hierarchy
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			for _, word := range strings.Fields(string(text)) {
				// 0 is one that this pid namespace does not see; to kill, it means the caller's own process group.
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

// Hold gives the cgroups by descriptors, for a process that will not see their paths any more.
func (g Groups) Hold() (Groups, error) {
	var held Groups
	for _, dir := range g {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("cgroup %s: %w", dir, err)
		}
		// With a slash, as WalkDir does not follow a link that it starts at.
		held = append(held, fmt.Sprintf("/proc/self/fd/%d/", fd))
	}
	return held, nil
}
