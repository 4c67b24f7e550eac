package life

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// tracesBudget limits the wait for liblxc's monitor to remove the cgroups of a stopped container.
// LXD does not wait for that.
const tracesBudget = 10 * time.Second

// Traces are the processes and the cgroups on the host of a running level and of the levels inside
// it.
type Traces struct {
	// Processes are the processes with its host ids: "84 of id 500000 (busybox init)".
	Processes []string
	// Cgroups are the cgroup directories that liblxc made for it.
	Cgroups []string
}

// TracesOf returns the traces of a planned level, which need not be up. Its host ids include those
// of the levels inside it. TracesOf cannot tell the level from another container of the host's LXD
// with the same ids.
func TracesOf(ctx context.Context, c *harness.Chain, level int) (Traces, error) {
	if level < 1 || level > len(c.Plan.Levels) {
		return Traces{}, fmt.Errorf("level %d: the plan has %d levels", level, len(c.Plan.Levels))
	}
	var t Traces
	var err error
	if t.Processes, err = processesOf(ctx, c, c.Plan.Levels[level-1].Host.UID); err != nil {
		return t, fmt.Errorf("level %d: %w", level, err)
	}
	if t.Cgroups, err = cgroupsOf(c, harness.LXCName(c, level)); err != nil {
		return t, fmt.Errorf("level %d: %w", level, err)
	}
	return t, nil
}

// processesOf returns the processes of the host's pid namespace that have one of these host ids.
func processesOf(ctx context.Context, c *harness.Chain, ids []idmap.Mapping) ([]string, error) {
	root := c.Host.Root()
	names, err := root.Names(ctx, "/proc")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		if strings.Trim(name, "0123456789") != "" {
			continue
		}
		info, err := root.Look(ctx, "/proc/"+name)
		if err != nil {
			continue // it has ended meanwhile
		}
		uid := info.UID
		if !slices.ContainsFunc(ids, func(m idmap.Mapping) bool { return uid >= m.Parent && uid-m.Parent < m.Count }) {
			continue
		}
		command, err := root.ReadFile(ctx, "/proc/"+name+"/cmdline")
		if err != nil {
			continue
		}
		text := strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
		found = append(found, fmt.Sprintf("%s of id %d (%s)", name, uid, text))
	}
	return found, nil
}

// cgroupsOf returns the cgroups on the host that liblxc made for a container of this name and for
// its monitor, in every hierarchy (liblxc: cgroups/cgfsng.c).
func cgroupsOf(c *harness.Chain, name string) ([]string, error) {
	root, err := c.Host.Root().Local()
	if err != nil {
		return nil, err
	}
	tree, err := root.Tree("/sys/fs/cgroup")
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	var found []string
	err = fs.WalkDir(tree.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !e.IsDir() {
			return err
		}
		if e.Name() == "lxc.payload."+name || e.Name() == "lxc.monitor."+name {
			found = append(found, "/"+path)
		}
		return nil
	})
	return found, err
}

// TracesLeft waits until nothing of the level is left on the host. After tracesBudget it returns
// what is still there.
func TracesLeft(ctx context.Context, c *harness.Chain, level int) (t Traces, err error) {
	what := fmt.Sprintf("wait for level %d to be gone from the host", level)
	err = wait.For(ctx, what, tracesBudget, func(context.Context) (err error) {
		if t, err = TracesOf(ctx, c, level); err != nil {
			return wait.Final(err)
		}
		if len(t.Processes)+len(t.Cgroups) > 0 {
			return errors.New("something is left")
		}
		return nil
	})
	if errors.Is(err, wait.ErrTimeout) {
		err = nil
	}
	return t, err
}
