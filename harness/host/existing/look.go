package existing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/inventory"
	"nestbed/harness/reach"
)

// rootOf is the root directory that an LXD sees, by its process. Where this process may not enter that, it is the machine's, which
// is the same but for a snap, and levels are reached through LXD exec.
func rootOf(pid int) (*reach.Root, error) {
	// By its path: the LXD may be restarted while its root directory is in use.
	root, err := reach.Open(fmt.Sprintf("/proc/%d/root", pid))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) && isHidden(pid) {
		if root, err = reach.Open("/"); err == nil {
			root.Tunnel()
		}
	}
	return root, err
}

// snapDir is where a snap of LXD has its data, and its socket; snapPrograms is where its program is.
const (
	snapDir      = "/var/snap/"
	snapPrograms = "/snap/lxd/current/bin"
)

// isSnap reports whether the LXD is that of a snap, by its socket.
func (s *daemon) isSnap() bool { return strings.HasPrefix(s.Address, snapDir) }

// program is the path of the LXD's program as that sees it, by its process or, where that shows it to root only, by the
// name that it goes by.
func (h *Host) program(e api.ServerEnvironment) (string, error) {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.ServerPid))
	if !errors.Is(err, fs.ErrPermission) && !isHidden(e.ServerPid) {
		return path, err
	}
	name := bundle.DaemonOf(e.Server)
	if h.daemon.isSnap() {
		return filepath.Join(snapPrograms, name), nil
	}
	machine, err := inroot.Open("/")
	if err != nil {
		return "", err
	}
	defer machine.Close()
	return bundle.FindProgram(machine, name)
}

// lookAt finds out what the plan depends on.
func (h *Host) lookAt(ctx context.Context, info *api.Server, viaExec bool) (err error) {
	e := info.Environment
	// What it found out itself, at its start.
	h.traits.Remaps = e.KernelFeatures["idmapped_mounts"] != "true"
	if h.Elsewhere() {
		return h.lookElsewhere(e)
	}
	if h.root, err = rootOf(e.ServerPid); err != nil {
		return err
	}
	h.root.UseDialer(h.daemon.dial)
	if viaExec {
		h.root.Tunnel()
	}
	if err := h.look(ctx, e); err != nil {
		return err
	}
	_, err = h.FreeIDs(ctx, false)
	return err
}

// look finds it out on this machine.
func (h *Host) look(ctx context.Context, e api.ServerEnvironment) error {
	program, err := h.program(e)
	if err != nil {
		return fmt.Errorf("its process %d: %w; is it in a pid namespace of its own?", e.ServerPid, err)
	}
	root, err := h.root.Local()
	if err != nil {
		return err
	}
	if h.traits.Daemon, err = bundle.OfMachine(root, program, e.ServerVersion); err != nil {
		return err
	}
	h.traits.Daemon.OnlyCgroup2 = onlyCgroup2(e.DriverVersion)
	if h.traits.Map, err = reach.OwnMap(); err != nil {
		return err
	}
	layout, err := cgroup.Layout()
	if err != nil {
		return err
	}
	h.traits.Cgroup1, h.traits.AppArmor = layout != "v2", bundle.AppArmor()
	for name, file := range map[string]*idmap.File{"subuid": &h.traits.Delegation.UID, "subgid": &h.traits.Delegation.GID} {
		text, err := h.root.ReadFile(ctx, "/etc/"+name)
		switch {
		case errors.Is(err, fs.ErrNotExist), h.daemon.isSnap(): // whose /etc is its own
			file.Missing = true
		case err != nil:
			return err
		default:
			file.Text = string(text)
		}
	}
	h.traits.Room, err = inventory.Levels(ctx, true)
	return err
}

// driverVersion is how an LXD writes the version of its liblxc, beside QEMU's: "5.0.2 | 8.2.1".
var driverVersion = regexp.MustCompile(`^(\d+)\.`)

// onlyCgroup2 tells, by its version, whether a liblxc knows cgroup v2 alone.
func onlyCgroup2(version string) bool {
	found := driverVersion.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	major, err := strconv.Atoi(found[1])
	return err == nil && major >= 7
}
