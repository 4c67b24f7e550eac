package private

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/cleanup"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/rerun"
	"nestbed/harness/inventory"
	"nestbed/harness/reach"
)

// leaveBudget is how long a host may take to end and remove its state after its command was told
// to stop. Leftovers after that have no processes, and the next run removes them.
const leaveBudget = 1500 * time.Millisecond

// Start starts a private host and returns when its LXD answers. After an error nothing is left.
func Start(ctx context.Context, c Config) (h *Host, err error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("private host: %w", ErrNotRoot)
	}
	if c.Bundle == nil {
		return nil, errors.New("private host: no bundle given; make one with bundle.Store")
	}
	began := time.Now()
	// Clear what dead hosts left. An error here is no reason to fail, and a later Reap reports
	// it.
	_, _ = c.StateRoot.Reap(ctx)
	dir, err := c.claim(ctx)
	if err != nil {
		return nil, fmt.Errorf("private host: %w", err)
	}
	h = &Host{
		name: dir.journal.Name, traits: host.Traits{Delegation: c.Delegation, AppArmor: bundle.AppArmor()}, dir: dir, groups: dir.journal.Cgroups, disk: c.Disk, sharesPIDs: c.SharePIDs,
		noIdmapped: c.NoIdmapped,
	}
	h.endTask = cleanup.Begin(ctx, cleanup.Task{What: "host " + h.name + " to end", Budget: leaveBudget})
	defer context.AfterFunc(ctx, h.Abort)()
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("private host %s: %w", h.name, err), h.Close(context.WithoutCancel(ctx)))
			h = nil
		}
	}()
	if h.traits.Map, err = reach.OwnMap(); err != nil {
		return h, err
	}
	layout, err := cgroup.Layout()
	if err != nil {
		return h, err
	}
	h.traits.Cgroup1 = layout != "v2"
	go func() { _, _ = inventory.Room() }() // found out and cached meanwhile
	if err := h.makeDirs(); err != nil {
		return h, err
	}
	if err := h.Runs(c.Bundle); err != nil {
		return h, err
	}
	if err := h.groups.Make(); err != nil {
		return h, err
	}
	if err := h.launch(ctx, c); err != nil {
		return h, err
	}
	if h.root, err = reach.OpenProcess(h.Pid()); err != nil {
		return h, err
	}
	h.root.UseStore(c.Bundle.Store())
	if c.ViaExec {
		h.root.Tunnel()
	}
	server, err := h.root.Connect(ctx, h.checkAlive)
	if err != nil {
		return h, h.withLog(ctx, err)
	}
	h.setServer(server)
	if h.lxdTook, err = h.root.SinceLXDStarted(ctx); err != nil {
		return h, err
	}
	if h.traits.Room, err = inventory.Levels(ctx, c.SharePIDs); err != nil {
		return h, err
	}
	h.took = time.Since(began)
	return h, nil
}

// Parts of a state directory. overlay requires upper and work on the same filesystem.
const (
	upperName = "upper"
	workName  = "work"
	rootName  = "root"
	lxdName   = "lxd"
)

// makeDirs makes the parts of the state directory, with the host's subid files in the upper layer.
func (h *Host) makeDirs() error {
	for _, name := range []string{upperName, workName, rootName, lxdName, upperName + "/etc"} {
		if err := os.Mkdir(filepath.Join(h.dir.path, name), 0o711); err != nil {
			return err
		}
	}
	etc := filepath.Join(h.dir.path, upperName, "etc")
	return errors.Join(
		os.Chmod(etc, 0o755),
		os.Chmod(filepath.Join(h.dir.path, upperName), 0o755),
		writeSubID(filepath.Join(etc, "subuid"), h.traits.Delegation.UID),
		writeSubID(filepath.Join(etc, "subgid"), h.traits.Delegation.GID),
	)
}

// writeSubID writes a subid file into the upper layer of an overlay. To make a file missing, it
// makes a device 0:0, which hides the file of the lower layer
// (Documentation/filesystems/overlayfs.rst, whiteouts).
func writeSubID(path string, f idmap.File) error {
	if f.Missing {
		return unix.Mknod(path, unix.S_IFCHR, 0)
	}
	return os.WriteFile(path, []byte(f.Text), 0o644)
}

// launch starts the stage and waits until the stage has started the host's LXD.
func (h *Host) launch(ctx context.Context, c Config) error {
	order, err := json.Marshal(stageOrder{
		State: h.dir.path, Lower: h.traits.Bundle.Root(), Name: h.name, Cgroups: h.groups, Loops: c.Loops, SharePIDs: c.SharePIDs, Disk: c.Disk,
	})
	if err != nil {
		return err
	}
	held, err := h.traits.Bundle.Hold() // a kept host needs the bundle after this process has ended
	if err != nil {
		return err
	}
	defer held.Close()
	controlRead, control, err := os.Pipe()
	if err != nil {
		return err
	}
	report, reportWrite, err := os.Pipe()
	if err != nil {
		return errors.Join(err, controlRead.Close(), control.Close())
	}
	defer report.Close()
	cmd, err := rerun.Command(stageName, string(order))
	if err != nil {
		return errors.Join(err, controlRead.Close(), control.Close(), reportWrite.Close())
	}
	// No parent-death signal: it comes when the thread that started the child ends, and the Go
	// runtime may end threads at any time. The pipe closes only with the process.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true, // Ctrl-C must reach only this process, which then closes the host
	}
	if !c.SharePIDs {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	}
	cmd.ExtraFiles = []*os.File{controlRead, reportWrite, h.dir.lock, held}
	cmd.Env = command.Environment()
	if c.NoIdmapped {
		// LXD: lxd/daemon.go, init; Incus: cmd/incusd/daemon.go, init
		cmd.Env = append(cmd.Env, "LXD_IDMAPPED_MOUNTS_DISABLE=1", "INCUS_IDMAPPED_MOUNTS_DISABLE=1")
	}
	err = cmd.Start()
	err = errors.Join(err, controlRead.Close(), reportWrite.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("start namespaces: %w; check user.max_*_namespaces and the rights of this container", err), control.Close())
	}
	h.mu.Lock()
	h.stage, h.control = cmd, control
	h.mu.Unlock()
	h.dir.journal.Stage = cmd.Process.Pid
	if err := h.dir.write(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = report.SetReadDeadline(time.Now()) })
	defer stop()
	line, err := bufio.NewReader(report).ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("the init of its namespaces ended without a report: %w", err)
	case line != startedWord:
		return errors.New(strings.TrimSpace(line))
	}
	return nil
}

// checkAlive returns an error if the stage has ended, and with it the host's LXD.
func (h *Host) checkAlive() error {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, h.Pid(), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err == nil && info.Signo == 0 {
		return nil
	}
	return errors.New("LXD ended at its start")
}

// withLog adds the last lines of LXD's standard error to err.
func (h *Host) withLog(ctx context.Context, err error) error {
	log, lerr := h.root.ReadFile(ctx, bundle.StderrFile)
	if lerr != nil || len(log) == 0 {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return fmt.Errorf("%w; it said: %s", err, strings.Join(lines[max(0, len(lines)-3):], " | "))
}
