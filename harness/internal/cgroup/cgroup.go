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

// Groups are the directories of one host, one in each hierarchy that the
// machine has mounted, v1 and v2 alike. (containerd/cgroups knows v1 or v2, by
// a list of controllers; the hybrid layout needs both, and whatever is mounted.)
type Groups []string

// EmptyBudget is for the kernel to let go of cgroups whose processes have ended.
const EmptyBudget = 10 * time.Second

// Plan names the directories for the host of the given name; it makes nothing.
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

// Prefix precedes the name of the host in the name of each of its cgroups.
const Prefix = "nestbed-"

func hierarchies() ([]*mountinfo.Info, error) {
	seen := map[string]bool{}
	return mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		if m.FSType != "cgroup" && m.FSType != "cgroup2" {
			return true, false
		}
		// A hierarchy may be mounted twice.
		id := fmt.Sprint(m.Major, ":", m.Minor)
		skip = seen[id]
		seen[id] = true
		return skip, false
	})
}

// Layout is v1, hybrid (v1 with an empty v2 beside it), v2 or none.
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

// Make makes the directories.
func (g Groups) Make() error {
	for _, dir := range g {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		// A v1 cpuset is born without processors or memory, and then takes no process (man 7 cpuset).
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

// Remove ends what still runs in the directories, and removes them with all below them once the kernel has emptied them.
func (g Groups) Remove(ctx context.Context) error {
	errs := []error{g.Kill(context.WithoutCancel(ctx))} // nobody is left running for want of time
	for _, dir := range g {
		errs = append(errs, wait.For(ctx, "remove cgroup "+dir, EmptyBudget, func(context.Context) error {
			return removeCgroup(dir)
		}))
	}
	return errors.Join(errs...)
}

// removeCgroup removes depth first. The files in a cgroup go with it and cannot be removed themselves, so os.RemoveAll does not serve.
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
