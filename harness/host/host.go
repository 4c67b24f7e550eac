package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bundle"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// Host is a running LXD that chains are built on. Several goroutines may use it at once, and Close may come at any time. Runs,
// which changes fields that the other methods read, and restarts, which replace the client that LXD returns, are for one
// goroutine at a time.
type Host struct {
	name   string // is unique on the machine; it is in the names of the host's cgroups
	traits Traits // but for StateDir; Runs changes the bundle
	// supply is how many ids level 1 gets for itself on an existing host; 0: all that the host has, as on a private host.
	supply uint32
	// took is how long it took from nothing to an LXD that is ready, lxdTook the part of it from when that was started.
	took, lxdTook time.Duration

	system *system // is one that is no private host

	dir    *stateDir
	groups cgroups
	stage  *exec.Cmd
	// control is held open as long as the host shall live: its end is the stage's end.
	control    *os.File
	root       *reach.Root
	disk       int64 // its own, in bytes; 0: none
	noIdmapped bool  // is forbidden to its LXD
	// sharesPIDs tells that there is no pid namespace of its own that would end with its init.
	sharesPIDs bool
	removed    func() // is called when nothing of it is left, or no more is done about it

	mu     sync.Mutex // guards what is below
	server lxd.InstanceServer
	kept   bool
	closed bool
}

// Root is the host's root directory.
func (h *Host) Root() *reach.Root { return h.root }

// Far tells whether its levels are reached by exec.
func (h *Host) Far() bool { return h.root.Tunnels() }

// Name is unique on the machine.
func (h *Host) Name() string { return h.name }

// Took is how long it took from nothing to an LXD that is ready.
func (h *Host) Took() time.Duration { return h.took }

// LXDTook is the part of Took from when LXD was started.
func (h *Host) LXDTook() time.Duration { return h.lxdTook }

// Supply is how many ids level 1 gets for itself on an existing host. 0 stands for all that the host has, as on a private host.
func (h *Host) Supply() uint32 { return h.supply }

// Traits returns what the plan of a chain on the host depends on.
func (h *Host) Traits() Traits {
	t := h.traits
	t.StateDir = h.StateDir()
	return t
}

// LXD is a client of the host's LXD.
func (h *Host) LXD() lxd.InstanceServer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server
}

// setServer makes server the client that LXD returns.
func (h *Host) setServer(server lxd.InstanceServer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server = server
}

// LXCName is how liblxc names a container of the host's LXD: by its project, too, where that is not the default one
// (LXD: lxd/project/project.go, Instance).
func (h *Host) LXCName(container string) string {
	if h.system == nil {
		return container
	}
	return h.name + "_" + container
}

// Pool is the storage pool that level 1 lies on, where it is there already; else "".
func (h *Host) Pool() string {
	if h.system == nil {
		return ""
	}
	return h.system.project.pool
}

// IsPrivate tells whether the host is a private one, of which anything may be changed.
func (h *Host) IsPrivate() bool { return h.system == nil }

// RequirePrivate fails with ErrNotOurs, naming what was to be done, where the host is no private one, of which anything may be changed.
func (h *Host) RequirePrivate(op string) error {
	if h.system == nil {
		return nil
	}
	return fmt.Errorf("LXD at %s: %s: %w", h.system.address, op, ErrNotOurs)
}

// Pid is the id, on the machine, of the init of the host's namespaces.
func (h *Host) Pid() int {
	if h.system != nil {
		return 1
	}
	return h.stage.Process.Pid
}

// Socket is where a private host's LXD listens, as its machine sees it while the host lives: to another process its LXD is one that runs by itself.
func (h *Host) Socket() string { return fmt.Sprintf("/proc/%d/root%s", h.Pid(), reach.Socket) }

// StateDir is where the host's state lies, "" for a host that was never started, or whose LXD runs by itself.
func (h *Host) StateDir() string {
	if h.dir == nil {
		return ""
	}
	return h.dir.path
}

// Runs notes that the host runs another bundle's LXD from its next start on.
func (h *Host) Runs(b *bundle.Bundle) error {
	if err := h.RequirePrivate("run " + b.String()); err != nil {
		return err
	}
	idmapped, err := MountsIdmapped(filepath.Join(h.dir.path, lxdName), b)
	if err != nil {
		return h.wrap("run "+b.String(), err)
	}
	h.traits.Bundle, h.traits.Daemon, h.traits.Remaps = b, b, h.noIdmapped || !idmapped
	return nil
}

// Closed reports whether Close was called.
func (h *Host) Closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// setClosed marks the host as closed, and reports whether it was not closed before.
func (h *Host) setClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.closed
	h.closed = true
	return !was
}

// Keep lets the host live on after this process, until Reap ends it by name.
func (h *Host) Keep() error {
	if err := h.RequirePrivate("keep"); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.dir.keep(); err != nil {
		return fmt.Errorf("host %s: keep: %w", h.name, err)
	}
	if err := h.say(keepWord); err != nil {
		return fmt.Errorf("host %s: keep: %w", h.name, err)
	}
	h.kept = true
	return nil
}

// Kept tells whether the host lives on.
func (h *Host) Kept() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept
}

// Close ends the host with everything on it, and removes what it left: first
// every process (with the namespace's init the kernel ends them all), then
// cgroups and state. It is nil-safe and may be called twice. A kept host is only let go of.
func (h *Host) Close(ctx context.Context) error {
	if h == nil || !h.setClosed() {
		return nil
	}
	defer h.removed()
	if server := h.LXD(); server != nil {
		server.Disconnect()
	}
	// Descriptors of the root would hold the host's mounts.
	h.root.Close()
	if h.system != nil {
		defer reservations.release(h)
		return h.wrap("close", h.system.close(ctx))
	}
	var errs []error
	pools, err := h.pools()
	errs = append(errs, err)
	if h.Kept() {
		errs = append(errs, h.hangUp(), h.stage.Process.Release(), h.dir.release())
		return h.wrap("let go", errors.Join(errs...))
	}
	if h.stage != nil {
		errs = append(errs, h.hangUp(), h.end(ctx))
	}
	errs = append(errs, h.groups.remove(ctx), waitForLoops(ctx, pools), clearProfiles(h.name), h.dir.remove())
	return h.wrap("close", errors.Join(errs...))
}

// Abort tells a private host to end, and does not wait for that: what waits for an answer of its LXD fails soon.
// Close is still to be called. A kept host lives on, and so does an existing LXD.
func (h *Host) Abort() { _ = h.hangUp() } // Close says it again

// hangUp closes the pipe on whose end the host's init ends everything, unless the host is kept.
func (h *Host) hangUp() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.control == nil {
		return nil
	}
	err := h.control.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// end kills the init of the namespaces and waits for it; the kernel lets the
// wait return only after every process of the namespace is gone
// (kernel/pid_namespace.c, zap_pid_ns_processes). Without a pid namespace the init
// ends the others and then itself, now that its pipe has ended, even if this process is killed
// meanwhile: it must not be ended first, as nobody would be left to do that.
func (h *Host) end(ctx context.Context) error {
	if h.sharesPIDs {
		budget, _ := wait.Scale(ctx, emptyBudget) // without patience for anything there is no time: it is killed at once
		late := time.AfterFunc(budget, func() { _ = h.stage.Process.Kill() })
		defer late.Stop()
	} else if err := h.stage.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := h.groups.thaw(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := h.stage.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// Left is what still stands of a closed host: paths of its state and cgroups. It must be empty.
func (h *Host) Left() []string {
	if h.system != nil {
		return nil // Close would have said
	}
	var left []string
	for _, path := range append([]string{h.dir.path, h.dir.journal.Entry}, h.groups...) {
		if _, err := os.Lstat(path); err == nil {
			left = append(left, path)
		}
	}
	return left
}

func (h *Host) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("host %s: %s: %w", h.name, op, err)
}
