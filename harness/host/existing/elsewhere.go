package existing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/canonical/lxd/shared/api"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/inventory"
	"nestbed/harness/keyring"
	"nestbed/harness/reach"
)

// Elsewhere reports whether the host's LXD runs, or may run, on another machine: members of a
// cluster may. Of that machine, only what its LXD says and what a level sees is known.
func (h *Host) Elsewhere() bool {
	return h.daemon.member != "" || keyring.IsAddress(h.daemon.Address)
}

// placeIn chooses a member if the LXD is in a cluster, and returns the member's own answer.
func (s *daemon) placeIn(ctx context.Context, c Config, info *api.Server) (_ *api.Server, err error) {
	if !info.Environment.ServerClustered && len(c.Members) == 0 {
		return info, nil
	}
	if s.cluster = c.Cluster; s.cluster == nil {
		s.ownCluster = true
		if s.cluster, err = OpenCluster(ctx, s.LXD, c.Pool, c.Members...); err != nil {
			return info, err
		}
	}
	placed, info, err := s.cluster.place(ctx)
	if err == nil {
		s.member = placed.ServerName
		s.dial = s.memberDialer(ctx, placed.URL)
	}
	return info, err
}

// setRemoteTraits sets the traits that the LXD reports. Until Learn, it assumes that the rest is
// the same as on this machine.
func (h *Host) setRemoteTraits(e api.ServerEnvironment) error {
	var here unix.Utsname
	if err := unix.Uname(&here); err != nil {
		return err
	}
	if machine := unix.ByteSliceToString(here.Machine[:]); e.KernelArchitecture != machine {
		return fmt.Errorf("its machine is %s, but bundles of this machine are for %s; run nestbed on a machine of the same architecture", e.KernelArchitecture, machine)
	}
	layout, err := cgroup.Layout()
	if err != nil {
		return err
	}
	h.root = reach.Remote(h.daemon.Address, h.daemon.dial)
	h.traits.Daemon = bundle.FromRemote(e.Server, e.ServerVersion)
	h.traits.Daemon.OnlyCgroup2 = onlyCgroup2(e.DriverVersion)
	h.traits.Map, h.traits.Room = idmap.Identity(), inventory.MachineRoom+1
	h.traits.Cgroup1, h.traits.AppArmor = layout != "v2", bundle.AppArmor()
	h.daemon.kernel = e.KernelVersion
	return nil
}

// probeName is the name of a container that askIDs creates and deletes.
const probeName = "ids"

// askIDs finds out which ids the LXD gives to containers. To do so it creates a container without
// files.
func (h *Host) askIDs(ctx context.Context) (err error) {
	op, err := h.PlacementClient().CreateInstance(api.InstancesPost{Name: probeName, Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "none"}})
	if _, err = lxdop.Await(ctx, h.LXD(), op, err); err != nil {
		return fmt.Errorf("container %s: create: %w", probeName, err)
	}
	defer func() {
		op, deleted := h.LXD().DeleteInstance(probeName)
		_, deleted = lxdop.Await(context.WithoutCancel(ctx), h.LXD(), op, deleted)
		err = errors.Join(err, deleted)
	}()
	made, _, err := lxdop.With(ctx, h.LXD()).GetInstance(probeName)
	if err != nil {
		return err
	}
	h.traits.Delegation, err = delegationOf(made.Config["volatile.idmap.next"])
	if err != nil {
		return fmt.Errorf("container %s: volatile.idmap.next: %w", probeName, err)
	}
	_, err = h.FreeIDs(ctx, false)
	return err
}

// delegationOf converts the ids of a container, as LXD records them, into the allocation that
// they come from (LXD: shared/idmap/idmapset_linux.go, IdmapEntry).
func delegationOf(text string) (d idmap.Delegation, err error) {
	var entries []struct {
		Isuid, Isgid           bool
		Hostid, Nsid, Maprange int64
	}
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return d, fmt.Errorf("read %q, expected a list of mappings: %w", text, err)
	}
	var uid, gid strings.Builder
	for _, e := range entries {
		line := fmt.Sprintf("%s:%d:%d\n", idmap.Root, e.Hostid, e.Maprange)
		if e.Isuid {
			uid.WriteString(line)
		}
		if e.Isgid {
			gid.WriteString(line)
		}
	}
	if uid.Len() == 0 || gid.Len() == 0 {
		return d, fmt.Errorf("read %q, expected ids of users and of groups", text)
	}
	d.UID.Text, d.GID.Text = uid.String(), gid.String()
	return d, nil
}

// Learn finds out what only a level, by its root directory, can see of the host's machine. The
// error says what about the bundle does not fit the machine.
func (h *Host) Learn(ctx context.Context, level *reach.Root) error {
	groups, err := level.ReadFile(ctx, "/proc/self/cgroup")
	if err != nil {
		return err
	}
	h.daemon.layout = layoutIn(string(groups))
	h.traits.Cgroup1 = h.daemon.layout != "v2"
	// The file exists if the kernel knows AppArmor, and can be read only if AppArmor is enforced.
	_, err = level.ReadFile(ctx, "/proc/self/attr/apparmor/current")
	if there := err == nil; there != h.traits.AppArmor {
		h.traits.AppArmor = there
		return fmt.Errorf("AppArmor is %s on the machine of the LXD at %s, but %s here, and the bundle was made for this machine; run nestbed on a machine like that one",
			host.AppArmorState(there), h.daemon.Address, host.AppArmorState(!there))
	}
	return nil
}

// layoutIn returns the cgroup layout that /proc/PID/cgroup shows. It has one line per hierarchy,
// and cgroup v2 has the number 0 (man 7 cgroups).
func layoutIn(groups string) string {
	v1, v2 := false, false
	for line := range strings.Lines(groups) {
		if strings.HasPrefix(line, "0:") {
			v2 = true
		} else {
			v1 = true
		}
	}
	switch {
	case !v1:
		return "v2"
	case v2:
		return "hybrid"
	}
	return "v1"
}
