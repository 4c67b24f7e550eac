package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// Groups are the directories of one host's cgroups: one in each hierarchy, v1 or v2, that the
// machine has mounted. (containerd/cgroups supports either v1 or v2, with a fixed list of
// controllers. The hybrid layout needs both versions and all mounted hierarchies.)
type Groups []string

// EmptyBudget is the time for the kernel to release cgroups whose processes have ended.
const EmptyBudget = 10 * time.Second

// Plan returns the directories for the host of the given name, without creating them.
func Plan(name string) (Groups, error) {
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	if len(mounts) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted on this machine; mount one on /sys/fs/cgroup")
	}
	var g Groups
	for _, m := range mounts {
		g = append(g, filepath.Join(m.Mountpoint, Prefix+name))
	}
	return g, nil
}

// Prefix is the first part of the name of each cgroup; the name of the host follows.
const Prefix = "nestbed-"

func hierarchies() ([]*mountinfo.Info, error) {
	seen := map[string]bool{}
	return mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		if m.FSType != "cgroup" && m.FSType != "cgroup2" {
			return true, false
		}
		// A hierarchy may be mounted several times.
		id := fmt.Sprint(m.Major, ":", m.Minor)
		skip = seen[id]
		seen[id] = true
		return skip, false
	})
}

// Layout returns "v1", "hybrid" (v1, and v2 without controllers), "v2" or "none".
func Layout() (string, error) {
	mounts, err := hierarchies()
	if err != nil {
		return "", err
	}
	v1 := slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool { return m.FSType == "cgroup" })
	v2 := slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool { return m.FSType == "cgroup2" })
	switch {
	case v1 && v2:
		return "hybrid", nil
	case v1:
		return "v1", nil
	case v2:
		return "v2", nil
	}
	return "none", nil
}

// Make creates the directories.
func (g Groups) Make() error {
	for _, dir := range g {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		// A new v1 cpuset has no processors or memory, and then accepts no process (man 7
		// cpuset).
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
			if err != nil || strings.TrimSpace(string(value)) == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), value, 0); err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
		}
	}
	return nil
}

// Join moves the calling process into the cgroups.
func (g Groups) Join() error {
	for _, dir := range g {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}

// Remove kills all processes in the cgroups, and removes the cgroups with all below them once
// the kernel has emptied them.
func (g Groups) Remove(ctx context.Context) error {
	errs := []error{g.Kill(context.WithoutCancel(ctx))} // kill them even if ctx has ended
	for _, dir := range g {
		errs = append(errs, wait.For(ctx, "remove cgroup "+dir, EmptyBudget, func(context.Context) error {
			return removeCgroup(dir)
		}))
	}
	return errors.Join(errs...)
}

// removeCgroup removes a cgroup depth first. os.RemoveAll cannot be used: the files in a cgroup
// cannot be removed, and disappear with it.
func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
