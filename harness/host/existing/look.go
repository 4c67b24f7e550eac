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

// rootOf returns the root directory that an LXD sees, given its process. If this process may not
// enter that directory, rootOf returns the machine's root, which is the same except for a snap.
// Levels are then reached through LXD exec.
func rootOf(pid int) (*reach.Root, error) {
	// Opened by its path, because the LXD may be restarted while the root is in use.
	root, err := reach.Open(fmt.Sprintf("/proc/%d/root", pid))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) && isHidden(pid) {
		if root, err = reach.Open("/"); err == nil {
			root.Tunnel()
		}
	}
	return root, err
}

// snapDir has the data and socket of an LXD snap, snapPrograms its program.
const (
	snapDir      = "/var/snap/"
	snapPrograms = "/snap/lxd/current/bin"
)

// isSnap reports whether the LXD is a snap, by the path of its socket.
func (s *daemon) isSnap() bool { return strings.HasPrefix(s.Address, snapDir) }

// program returns the path of the LXD's program as the LXD sees it. It reads the path from the
// process. If only root may read it, program searches for the usual name.
func (h *Host) program(e api.ServerEnvironment) (string, error) {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.ServerPid))
	if !errors.Is(err, fs.ErrPermission) && !isHidden(e.ServerPid) {
		return path, err
	}
	name := bundle.DaemonProgram(e.Server)
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

// inspect sets the root directory and the traits of the host.
func (h *Host) inspect(ctx context.Context, info *api.Server, viaExec bool) (err error) {
	e := info.Environment
	// LXD tried this itself when it started.
	h.traits.Remaps = e.KernelFeatures["idmapped_mounts"] != "true"
	if h.Elsewhere() {
		return h.setRemoteTraits(e)
	}
	if h.root, err = rootOf(e.ServerPid); err != nil {
		return err
	}
	h.root.UseDialer(h.daemon.dial)
	if viaExec {
		h.root.Tunnel()
	}
	if err := h.setTraits(ctx, e); err != nil {
		return err
	}
	_, err = h.FreeIDs(ctx, false)
	return err
}

// setTraits sets the traits of an LXD on this machine.
func (h *Host) setTraits(ctx context.Context, e api.ServerEnvironment) error {
	program, err := h.program(e)
	if err != nil {
		return fmt.Errorf("its process %d: %w; is it in a pid namespace of its own?", e.ServerPid, err)
	}
	root, err := h.root.Local()
	if err != nil {
		return err
	}
	if h.traits.Daemon, err = bundle.FromExisting(root, program, e.ServerVersion); err != nil {
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
		case errors.Is(err, fs.ErrNotExist), h.daemon.isSnap(): // a snap has its own /etc
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

// driverVersion matches the version of liblxc as LXD reports it, before that of QEMU: "5.0.2 |
// 8.2.1".
var driverVersion = regexp.MustCompile(`^(\d+)\.`)

// onlyCgroup2 reports whether a liblxc of this version supports only cgroup v2.
func onlyCgroup2(version string) bool {
	found := driverVersion.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	major, err := strconv.Atoi(found[1])
	return err == nil && major >= 7
}
