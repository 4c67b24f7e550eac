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

// A Host is a private host: an LXD in its own namespaces, in which anything may be changed.
type Host struct {
	name   string      // part of the names of its cgroups
	traits host.Traits // Runs changes the bundle
	// took is the time from the start of Start until LXD was ready, lxdTook the time from the
	// start of LXD.
	took, lxdTook time.Duration

	dir    *stateDir
	groups cgroup.Groups
	stage  *exec.Cmd
	// The stage ends when control is closed.
	control    *os.File
	root       *reach.Root
	disk       int64 // size of its own disk in bytes; 0: none
	noIdmapped bool  // its LXD may not mount idmapped
	// sharesPIDs reports whether the host is in the pid namespace of its machine. Then its
	// processes outlive its init.
	sharesPIDs bool
	endTask    func()

	mu     sync.Mutex // guards what is below
	server lxd.InstanceServer
	kept   bool
	closed bool
}

func (h *Host) String() string { return "host " + h.name }

// Root returns the host's root directory.
func (h *Host) Root() *reach.Root { return h.root }

// Files returns the host's root directory on this machine, in which anything may be changed.
func (h *Host) Files() (*inroot.Root, error) { return h.root.Local() }

// Name returns the host's name, which is unique on the machine.
func (h *Host) Name() string { return h.name }

// Took returns how long it took to make the host, until LXD was ready.
func (h *Host) Took() time.Duration { return h.took }

// LXDTook returns the part of Took since LXD was started.
func (h *Host) LXDTook() time.Duration { return h.lxdTook }

// Traits returns what the plan of a chain on the host depends on.
func (h *Host) Traits() host.Traits {
	t := h.traits
	t.StateDir = h.dir.path
	return t
}

// Facts returns the facts for the head of reports.
func (h *Host) Facts() host.Facts { return host.FactsOf(h.traits.Bundle) }

// LXD returns a client of the host's LXD.
func (h *Host) LXD() lxd.InstanceServer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server
}

// setServer replaces the client that LXD returns.
func (h *Host) setServer(server lxd.InstanceServer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server = server
}

// LXCName returns liblxc's name of a container. It is the container's own name, because the
// host's LXD uses only the default project.
func (h *Host) LXCName(container string) string { return container }

// Pid returns the pid, on the machine, of the init of the host's namespaces.
func (h *Host) Pid() int { return h.stage.Process.Pid }

// Socket returns the path of the LXD socket on the machine. It is valid while the host lives.
// With it another process can use the host as an existing LXD.
func (h *Host) Socket() string { return fmt.Sprintf("/proc/%d/root%s", h.Pid(), reach.Socket) }

// StateDir returns the directory of the host's state.
func (h *Host) StateDir() string { return h.dir.path }

// Controller returns the host's cgroup in the hierarchy of the controller, and reports whether
// that is cgroup v2.
func (h *Host) Controller(name string) (dir string, v2 bool, err error) {
	dir, v2, err = cgroup.Controller(name, cgroup.Prefix+h.name)
	return dir, v2, h.wrap("cgroup", err)
}

// Runs records that the host runs the LXD of another bundle from its next start on.
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

// setClosed marks the host as closed, and reports whether it was open before.
func (h *Host) setClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.closed
	h.closed = true
	return !was
}

// Keep makes the host outlive this process, until End ends it by name.
func (h *Host) Keep() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.dir.keep(); err != nil {
		return fmt.Errorf("host %s: keep: %w", h.name, err)
	}
	if err := h.sendWord(keepWord); err != nil {
		return fmt.Errorf("host %s: keep: %w", h.name, err)
	}
	h.kept = true
	return nil
}

// Kept reports whether Keep was called.
func (h *Host) Kept() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept
}

// Close ends the host with everything on it. It first ends all processes, then removes cgroups
// and state. It accepts nil and may be called twice. It disconnects from a kept host without
// ending it.
func (h *Host) Close(ctx context.Context) error {
	if h == nil || !h.setClosed() {
		return nil
	}
	defer h.endTask()
	if server := h.LXD(); server != nil {
		server.Disconnect()
	}
	// Open descriptors of the root would keep the host's mounts.
	h.root.Close()
	var errs []error
	pools, err := h.pools()
	errs = append(errs, err)
	if h.Kept() {
		errs = append(errs, h.closeControl(), h.stage.Process.Release(), h.dir.release())
		return h.wrap("let go", errors.Join(errs...))
	}
	if h.stage != nil {
		errs = append(errs, h.closeControl(), h.end(ctx))
	}
	errs = append(errs, h.groups.Remove(ctx), waitForLoops(ctx, pools), clearProfiles(h.name), h.dir.remove())
	return h.wrap("close", errors.Join(errs...))
}

// Abort tells a private host to end, and does not wait. Requests that wait for its LXD then fail
// soon. Close must still be called. A kept host lives on.
func (h *Host) Abort() { _ = h.closeControl() } // Close reports the error

// closeControl closes the control pipe. The host's init then ends everything, unless the host is
// kept.
func (h *Host) closeControl() error {
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

// end kills the init of the namespaces and waits for it. The kernel ends the wait only after
// every process of the pid namespace is gone (kernel/pid_namespace.c, zap_pid_ns_processes).
//
// Without a pid namespace, the init ends the other processes itself once its pipe is closed, even
// if this process is killed meanwhile. It must not be killed before it has done so.
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

// Left returns the paths of state and cgroups that a closed host left. It should be empty.
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
