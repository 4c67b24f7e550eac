package host

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
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/keyring"
	"nestbed/harness/wait"
)

// ErrNotOurs is why something cannot be done to a LXD that runs by itself.
var ErrNotOurs = errors.New("it is not nestbed's: nothing but what is in a project of nestbed's own is touched there; a private host can do that")

// sockets are where LXDs and Incuses listen for the machine's users: of LXD the snap and the packages (LXD: client/connection.go,
// ConnectLXDUnix), and Incus's (Incus: internal/server/util/sys.go, VarPath and RunPath).
var sockets = []string{
	"/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket", "/run/incus/unix.socket", "/var/lib/incus/unix.socket",
}

// FindLXD is the socket of the LXD, or the Incus, that this machine runs by itself: that which LXD_SOCKET or LXD_DIR names, as for
// LXD's own client, or the first that is where they listen.
func FindLXD() (string, error) {
	if path := os.Getenv("LXD_SOCKET"); path != "" {
		return path, nil
	}
	if dir := os.Getenv("LXD_DIR"); dir != "" {
		return filepath.Join(dir, "unix.socket"), nil
	}
	for _, path := range sockets {
		if info, err := os.Stat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
			return path, nil
		} else if errors.Is(err, fs.ErrPermission) {
			return "", notAllowed(path)
		}
	}
	return "", fmt.Errorf("LXD of this machine: none listens at any of %q; start it, or name its socket: --host system:SOCKET", sockets)
}

// bePermitted is what to do where a LXD lets in somebody else.
const bePermitted = "run it as root, or as a member of its group: lxd, or incus-admin"

func notAllowed(socket string) error {
	return fmt.Errorf("LXD at %s: %w; %s", socket, fs.ErrPermission, bePermitted)
}

// removeBudget is for a LXD to delete a project with a chain in it: 3 s at depth 3.
const removeBudget = 2 * time.Minute

// system is what of a host there is where its LXD runs by itself.
type system struct {
	address string
	dial    connector
	// Of a LXD on another machine: its kernel, and the layout of cgroups as a level there has told it.
	kernel, layout string
	losses         *losses
	project        *project
	all            lxd.InstanceServer // without a project
}

// System makes a host of a LXD that runs already, in a project of its own there, with a profile and, unless the Config names one, a
// storage pool. Nothing else of that LXD or of the machine is changed. What the Config says of an allocation level 1 gets by
// security.idmap.isolated, base and size: as many ids, elsewhere. The error is ErrNotOurs where such a LXD cannot be what the Config
// says; on any error nothing is left.
func System(ctx context.Context, c Config) (h *Host, err error) {
	began := time.Now()
	supply, err := c.supply()
	if err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", c.LXD, err)
	}
	if c.Bundle == nil {
		return nil, fmt.Errorf("LXD at %s: no bundle given for the levels; make one with bundle.Make", c.LXD)
	}
	h = &Host{Bundle: c.Bundle, Supply: supply, system: &system{address: c.LXD}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("LXD at %s: %w", c.LXD, err), h.Close(context.WithoutCancel(ctx)))
			h = nil
		}
	}()
	info, err := h.system.connect(ctx)
	if err != nil {
		return h, err
	}
	if err := h.lookAt(ctx, info, c.Far); err != nil {
		return h, err
	}
	// As with private hosts: that this does not succeed is no reason to fail.
	_, _ = reapProjects(ctx, h.system.all)
	if h.system.project, err = makeProject(ctx, h.system.all, c.Pool); err != nil {
		return h, err
	}
	h.Name, h.root.project = h.system.project.name, h.system.project.name
	if h.server, err = h.root.client(context.WithoutCancel(ctx)); err != nil {
		return h, err
	}
	if h.Elsewhere() {
		if err := h.askIDs(); err != nil {
			return h, err
		}
	}
	h.Took = time.Since(began)
	return h, nil
}

// close removes what was made there, and lets go of the LXD.
func (s *system) close(ctx context.Context) error {
	if s.all == nil {
		return nil
	}
	defer s.all.Disconnect()
	if s.project == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), removeBudget, fmt.Errorf("%w: it was given %s", wait.ErrTimeout, removeBudget))
	defer cancel()
	err := wait.For(ctx, "remove project "+s.project.name, removeBudget, func(ctx context.Context) error {
		err := s.project.remove(ctx)
		if err != nil && s.lost(time.Time{}) == nil {
			return wait.Final(err)
		}
		// What a lost connection kept from it is done over the next one; and what was asked for over one lost earlier may only now come to be.
		return err
	})
	if err != nil {
		err = fmt.Errorf("%w; what is left there is removed by: nestbed reap --host %s %s", err, s.form(), s.project.name)
	}
	return err
}

// form is how the host is written on a command line.
func (s *system) form() string {
	if keyring.IsAddress(s.address) {
		return s.address
	}
	return "system:" + s.address
}

// lost is that a connection was lost since then.
func (s *system) lost(since time.Time) error {
	if s.losses == nil {
		return nil
	}
	return s.losses.since(since)
}

// connect connects to the LXD, and gives what it says of itself.
func (s *system) connect(ctx context.Context) (*api.Server, error) {
	dial, err := connectorOf(s.address)
	if err != nil {
		return nil, err
	}
	if keyring.IsAddress(s.address) {
		s.losses = &losses{address: s.address}
		dial = s.losses.watch(dial)
	}
	s.dial = dial
	root := &Root{dialer: dial}
	if s.all, err = root.client(context.WithoutCancel(ctx)); err != nil {
		return nil, unreachable(s.address, err)
	}
	info, _, err := s.all.GetServer()
	if err != nil {
		return nil, err
	}
	if info.Auth != "trusted" {
		return nil, untrusted(s.address, info.Auth)
	}
	return info, nil
}

// rootOf is the root directory that a LXD sees, by its process. Where this process may not enter that, it is the machine's, which
// is the same but for a snap, and levels are far.
func rootOf(pid int) (*Root, error) {
	root, err := openRoot(fmt.Sprintf("/proc/%d/root", pid))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) && isHidden(pid) {
		if root, err = openRoot("/"); err == nil {
			root.far = true
		}
	}
	return root, err
}

// snapDir is where a snap of LXD has its data, and its socket; snapPrograms is where its program is.
const (
	snapDir      = "/var/snap/"
	snapPrograms = "/snap/lxd/current/bin"
)

// isSnap tells whether the LXD is one of a snap, by its socket.
func (s *system) isSnap() bool { return strings.HasPrefix(s.address, snapDir) }

// program is the path of the LXD's program as that sees it, by its process or, where that shows it to root only, by the
// name that it goes by.
func (h *Host) program(e api.ServerEnvironment) (string, error) {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.ServerPid))
	if !errors.Is(err, fs.ErrPermission) && !isHidden(e.ServerPid) {
		return path, err
	}
	name := "lxd"
	if e.Server == "incus" {
		name = "incusd"
	}
	if h.system.isSnap() {
		return filepath.Join(snapPrograms, name), nil
	}
	return bundle.FindProgram("/", name)
}

// lookAt finds out what the plan depends on.
func (h *Host) lookAt(ctx context.Context, info *api.Server, far bool) (err error) {
	e := info.Environment
	// What it found out itself, at its start.
	h.Remaps = e.KernelFeatures["idmapped_mounts"] != "true"
	if h.Elsewhere() {
		return h.lookElsewhere(e)
	}
	if h.root, err = rootOf(e.ServerPid); err != nil {
		return err
	}
	h.root.dialer, h.root.far = h.system.dial, far || h.root.far
	if err := h.look(ctx, e); err != nil {
		return err
	}
	_, err = h.FreeIDs(false)
	return err
}

// look finds it out on this machine.
func (h *Host) look(ctx context.Context, e api.ServerEnvironment) error {
	program, err := h.program(e)
	if err != nil {
		return fmt.Errorf("its process %d: %w; is it in a pid namespace of its own?", e.ServerPid, err)
	}
	root, err := h.root.Path("/")
	if err != nil {
		return err
	}
	if h.daemon, err = bundle.OfMachine(root, program, e.ServerVersion); err != nil {
		return err
	}
	h.daemon.OnlyCgroup2 = onlyCgroup2(e.DriverVersion)
	if h.Map, err = OwnMap(); err != nil {
		return err
	}
	layout, err := CgroupLayout()
	if err != nil {
		return err
	}
	h.Cgroup1, h.AppArmor = layout != "v2", bundle.AppArmor()
	for name, file := range map[string]*idmap.File{"subuid": &h.Delegation.UID, "subgid": &h.Delegation.GID} {
		text, err := h.root.ReadFile("/etc/" + name)
		switch {
		case errors.Is(err, fs.ErrNotExist), h.system.isSnap(): // whose /etc is its own
			file.Missing = true
		case err != nil:
			return err
		default:
			file.Text = string(text)
		}
	}
	h.Room, err = Config{SharePIDs: true}.Levels(ctx)
	return err
}

// driverVersion is how a LXD writes the version of its liblxc, beside QEMU's: "5.0.2 | 8.2.1".
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

// supply is how many ids level 1 shall have: those of an allocation that such a LXD can stand in for.
func (c Config) supply() (uint32, error) {
	uid, gid := idmap.Read(c.Delegation.UID, idmap.LXD), idmap.Read(c.Delegation.GID, idmap.LXD)
	refuse := func(what string) (uint32, error) { return 0, fmt.Errorf("%s: %w", what, ErrNotOurs) }
	switch {
	case c.Disk > 0 || c.Loops || c.NoIdmapped:
		return refuse("a disk of its own, loop devices or no idmapped mounts")
	case len(uid.Ranges) == 0 || len(gid.Ranges) == 0:
		return refuse("a host without an allocation, of which level 1 would have no ids")
	case c.Delegation.UID != c.Delegation.GID || len(uid.Ranges) != 1:
		return refuse(fmt.Sprintf("an allocation of %s: level 1 has one range of ids there, for users and groups alike", c.Delegation))
	case uid.Ranges[0].Count < idmap.Block:
		return refuse(fmt.Sprintf("an allocation of %s, fewer than the %d that a level has", c.Delegation, idmap.Block))
	}
	return uid.Ranges[0].Count, nil
}
