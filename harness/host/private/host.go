package private

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
	"nestbed/harness/host"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// Host is an LXD in namespaces of its own, of which anything may be changed.
type Host struct {
	name   string      // is in the names of its cgroups
	traits host.Traits // Runs changes the bundle
	// took is how long it took from nothing to an LXD that is ready, lxdTook the part of it from when that was started.
	took, lxdTook time.Duration

	dir    *stateDir
	groups cgroup.Groups
	stage  *exec.Cmd
	// control is held open as long as the host shall live: its end is the stage's end.
	control    *os.File
	root       *reach.Root
	disk       int64 // its own, in bytes; 0: none
	noIdmapped bool  // is forbidden to its LXD
	// sharesPIDs reports whether it is in the pid namespace of its machine, which does not end with its init.
	sharesPIDs bool
	removed    func() // is called when nothing of it is left, or no more is done about it

	mu     sync.Mutex // guards what is below
	server lxd.InstanceServer
	kept   bool
	closed bool
}

func (h *Host) String() string { return "host " + h.name }

// Root is the host's root directory.
func (h *Host) Root() *reach.Root { return h.root }

// Files is the host's root directory on this machine, in which anything may be changed.
func (h *Host) Files() (*inroot.Root, error) { return h.root.Local() }

// Name is unique on the machine.
func (h *Host) Name() string { return h.name }

// Took is how long it took from nothing to an LXD that is ready.
func (h *Host) Took() time.Duration { return h.took }

// LXDTook is the part of Took from when LXD was started.
func (h *Host) LXDTook() time.Duration { return h.lxdTook }

// Traits are what the plan of a chain on the host depends on.
func (h *Host) Traits() host.Traits {
	t := h.traits
	t.StateDir = h.dir.path
	return t
}

// Facts are for the head of reports.
func (h *Host) Facts() host.Facts { return host.FactsOf(h.traits.Bundle) }

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

// LXCName is how liblxc names a container of the host's LXD, which uses only the default project.
func (h *Host) LXCName(container string) string { return container }

// Pid is the id, on the machine, of the init of the host's namespaces.
func (h *Host) Pid() int { return h.stage.Process.Pid }

// Socket is where the host's LXD listens, as its machine sees it while the host lives. To another process it is an existing LXD.
func (h *Host) Socket() string { return fmt.Sprintf("/proc/%d/root%s", h.Pid(), reach.Socket) }

// StateDir is where the host's state lies.
func (h *Host) StateDir() string { return h.dir.path }

// Controller returns the host's cgroup in the hierarchy that has the controller: v1's own, or the one of v2.
func (h *Host) Controller(name string) (dir string, v2 bool, err error) {
	dir, v2, err = cgroup.Controller(name, cgroup.Prefix+h.name)
	return dir, v2, h.wrap("cgroup", err)
}

// Runs notes that the host runs another bundle's LXD from its next start on.
func (h *Host) Runs(b *bundle.Bundle) error {
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

// Kept reports whether the host lives on.
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
	errs = append(errs, h.groups.Remove(ctx), waitForLoops(ctx, pools), clearProfiles(h.name), h.dir.remove())
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
		late := time.AfterFunc(wait.Scale(ctx, cgroup.EmptyBudget), func() { _ = h.stage.Process.Kill() })
		defer late.Stop()
	} else if err := h.stage.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := h.groups.Thaw(); err != nil {
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
