package classify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

// A report is a public thread with its decisive lines. If none are in it, or none that say
// enough, the comment says why.
type report struct {
	thread string
	lines  string
	reason idmap.Reason // None: not known
	cause  string       // part of the first cause
	says   []string     // parts of facts and fixes, in any order
}

var reports = []report{
	{
		"lxc/incus#458", `newuidmap failed to write mapping "newuidmap: write to uid_map failed: Invalid argument": newuidmap PID 0 100000 65536 0 165536 65536 0 1000000 1000000000`,
		idmap.MapInvalid, "Incus uses every line of root's",
		[]string{
			"collide: root:100000:65536, root:165536:65536, root:1000000:1000000000", "each of them would be the ids 0 to 65535",
			"root:100000:131072 is the same ids in one line", "Without any, keep root:1000000:1000000000", "With containers from LXD, keep the first line, root:100000:65536",
			`sed -i -e '/^root:100000:65536$/d' -e '/^root:165536:65536$/d' /etc/subuid /etc/subgid`,
		},
	},
	{
		"zabbly/incus#55", `newuidmap failed to write mapping "newuidmap: write to uid_map failed: Invalid argument": newuidmap 5083 0 1000000 1000000000 0 1001000000 1000000000`,
		idmap.MapInvalid, "Incus uses every line of root's",
		[]string{"lie side by side: root:1000000:2000000000"},
	},
	// No line is an error: the map and the file only differ. Whether newuidmap is in the daemon's
	// PATH is not in them.
	{"NixOS/nixpkgs#289127", "root:2000000:65536\n" + `volatile.idmap.current: '[{"Isuid":true,"Isgid":false,"Hostid":1000000,"Nsid":0,"Maprange":1000000000}]'`, idmap.None, "", nil},
	{"canonical/lxd#3397", "Warning: newuidmap is not setuid-root", idmap.ShadowRefused, "neither setuid-root nor has its file capability", []string{"chmod u+s"}},
	{
		"canonical/lxd#10503", `newuidmap failed to write mapping "": newuidmap 70171 0 1000000 1000000000`,
		idmap.ShadowRefused, "picked these ids by itself",
		[]string{"LXD picks by itself on a host", "echo root:1000000:1000000000 | tee -a /etc/subuid /etc/subgid"},
	},
	{
		"canonical/lxd#9722", "root:100000:65535\n" + `lvl=warn msg="No available uid/gid map could be found" t=2021-12-20T10:00:00+0000`,
		idmap.NoAllocation, "fewer than 65536 ids",
		[]string{"root:100000:65535 has 65535 ids; LXD and Incus skip a line with fewer than 65536"},
	},
	{
		"canonical/lxd#1364", "lxd:100000:65536\nubuntu:165536:65533\nroot:131069:65536\nroot:100000:65536\nerror: Failed to change ownership of: /var/lib/lxd/containers/c123/rootfs/var/lib/lxd",
		idmap.OutsideParent, "can pass on only ids that it has itself",
		[]string{"write into both files a range that it has"},
	},
	{
		"canonical/lxd#2885", "provisioning error: Failed to change ownership of: /var/lib/lxd/containers/juju-machine/rootfs",
		idmap.OutsideParent, "needs at least 165536 ids",
		[]string{"nestbed plan"},
	},
	// No line: the files are "ignored", which LXD does not say.
	{"canonical/lxd#5571", "", idmap.None, "", nil},
	{
		"moby/moby#49810", "[rootlesskit:parent] error: failed to setup UID/GID map: newuidmap 3326 [0 222586300 1 1 524288 1073741824] failed: newuidmap: write to uid_map failed: Invalid argument",
		idmap.MapInvalid, "the user's own id lies in",
		[]string{"id 222586300, probably the user's own, lies in the user's range 524288 to 1074266111"},
	},
	{
		"canonical/authd#819", "sshd[391]: pam_keyinit(sshd:session): Unable to change GID to 1430922003 temporarily",
		idmap.IDUnmapped, "N ids has the ids 0 to N-1",
		[]string{"id 1430922003 exists only in a container with 1430922004 ids", "root:1000000:1430922004"},
	},
	{
		"lxc/incus#1294", "root:1000000:196608\nError: Failed instance creation: Not enough uid/gid available for the container",
		idmap.IsolatedExhausted, "wants one id more",
		[]string{"room for isolated containers: 1 with LXD, 2 with Incus", "root:1000000:196609, LXD has room for 2"},
	},
	{
		"lxc/incus#1483", "root:1000000:1000000000\n" + `newuidmap failed to write mapping "newuidmap: uid range [0-65536) -> [327680-393216) not allowed": newuidmap 4711 0 327680 65536`,
		idmap.ShadowRefused, "counted another one that had no base yet",
		[]string{"327680 is 5 x 65536", "below root's allocation"},
	},
	{
		"lxc/incus#1659", "root:1000000:1000000000\n" + `newuidmap failed to write mapping "newuidmap: uid range [0-65536) -> [393216-458752) not allowed": newuidmap 42518 0 393216 65536`,
		idmap.ShadowRefused, "counted another one that had no base yet",
		[]string{"393216 is 6 x 65536", "a profile was made isolated under existing containers", "newuidmap was installed, after the daemon started"},
	},
	// No line: rules that change.
	{"lxc/incus#3998", "", idmap.None, "", nil},
	// No line: two containers have the same ids, and nothing fails.
	{"canonical/lxd#6922", "", idmap.None, "", nil},
	{
		"canonical/lxd#11600", "raw.idmap=both 595156457 0\nError: Host id is in the range of subids",
		idmap.RawIDMapOverlaps, "lies in the range that the daemon gives",
		[]string{"id 595156457 lies in root:1000000:1000000000"},
	},
	{
		"canonical/lxd#3439", "  raw.idmap: uid 1000 1000\nlxc c1 20170620150000.000 ERROR    lxc_start - start.c:lxc_spawn:1163 - Failed to set up id mapping.",
		idmap.ShadowRefused, "raw.idmap maps an id of the host",
		[]string{"echo root:1000:1 | tee -a /etc/subuid /etc/subgid"},
	},
	{
		"canonical/lxd#7670", "Failed to change ACLs on /var/lib/lxd/storage-pools/default/containers/c1/rootfs/var/log/journal",
		idmap.ImageIDsUnmapped, "since it became isolated", nil,
	},
	{
		"canonical/lxd#2490", "  lxc 20161013205248.986 ERROR lxc_utils - utils.c:safe_mount:1692 - Permission denied - Failed to mount proc onto /usr/lib/x86_64-linux-gnu/lxc/proc",
		idmap.NestingNotAllowed, "without security.nesting",
		[]string{"lxc config set NAME security.nesting=true", "pct set ID -features nesting=1"},
	},
	// The thread describes the failure without its lines. They are those of the one above.
	{"canonical/lxd#3900", "", idmap.None, "", nil},
	{"containers/podman#9813", "Error: mount `proc` to `proc`: Operation not permitted: OCI permission denied", idmap.NestingNotAllowed, "without security.nesting", []string{"Something covers files of /proc"}},
	{
		"canonical/lxd#13389", "unable to start container process: error during container init: error jailing process inside rootfs: pivot_root .: permission denied: unknown.\n" +
			`audit: type=1400 audit(1714085791.618:236): apparmor="DENIED" operation="pivotroot" class="mount" namespace="root//lxd-c1_<var-snap-lxd-common-lxd>" profile="runc" name="/var/lib/docker/" pid=1`,
		idmap.AppArmorDenied, "a profile named runc",
		[]string{"mainline kernel worked"},
	},
	{
		"opencontainers/runc#4968", "runc create failed: unable to start container process: error during container init: open sysctl net.ipv4.ip_unprivileged_port_start file: reopen fd 8: permission denied: unknown",
		idmap.AppArmorDenied, "CVE-2025-52881",
		[]string{"Incus 6.19"},
	},
	{
		"lxc/incus#2370", "runc create failed: unable to start container process: can't get final child's PID from pipe: EOF\n" +
			`audit: type=1400 audit(1754850254.083:458): apparmor="DENIED" operation="userns_create" class="namespace" profile="incus-dns_</var/lib/incus>" pid=4337 comm="runc:[1:CHILD]" requested="userns_create" denied="userns_create"`,
		idmap.UserNSDenied, "no rule for user namespaces",
		[]string{`raw.apparmor="userns,"`},
	},
	{
		"lxc/lxc#4529", `apparmor="DENIED" operation="userns_create" class="namespace" profile="lxc-forge_</srv/containers>" pid=1203690 comm="(s-server)" requested="userns_create" denied="userns_create"`,
		idmap.UserNSDenied, "no rule for user namespaces",
		[]string{"lxc.apparmor.raw = userns,"},
	},
	// The thread has settings and no error line. That of liblxc has a test of its own.
	{"canonical/lxd#11920", "", idmap.None, "", nil},
	{"canonical/lxd#17073", "systemd-networkd.service: Failed to set up credentials: Protocol error", idmap.NestingNotAllowed, "mounts that systemd makes for credentials", nil},
	{
		"canonical/lxd#9099", "error: system does not fully support snapd: apparmor detected but insufficient permissions to use it",
		idmap.ProfileRefused, "no AppArmor policy namespace of its own",
		[]string{"tmpfs over /sys/kernel/security"},
	},
	{
		"canonical/lxd#7748", `apparmor="DENIED" operation="create" info="failed type and protocol match" error=-13 namespace="root//incus-c1_<var-lib-incus>" profile="incus_dnsmasq-incusbr0_</var/lib/incus>" pid=7047 comm="dnsmasq" family="unix"`,
		idmap.AppArmorDenied, "loaded for dnsmasq", nil,
	},
	// The thread describes the container's state; its error lines are not in it.
	{"canonical/lxd#8461", "", idmap.None, "", nil},
	// No line: profiles are not loaded, and nothing fails.
	{"lxc/incus#740", "", idmap.None, "", nil},
	{"lxc/lxc#4072", "Failed to mount cgroup at /sys/fs/cgroup/systemd: Operation not permitted", idmap.CgroupUnsupported, "knows only v1", nil},
	{
		"lxc/lxc#4679", `lxc c1 20260801100000.000 ERROR    confile - Failed loading config file "/tmp/lxd_config_2103699324": loading config file for the container failed`,
		idmap.ConfigRefused, "liblxc 7 has no cgroup v1",
		[]string{"lxc.cgroup2. key"},
	},
	{
		"moby/moby#38454", `lxc c1 20190329183541.850 ERROR    utils - utils.c:lxc_setup_keyring:1801 - Disk quota exceeded - Failed to create kernel keyring` + "\n" +
			`docker: Error response from daemon: container init caused \"join session keyring: create session key: disk quota exceeded\"": unknown.`,
		idmap.KeyQuota, "200 at first",
		[]string{"kernel.keys.maxkeys=2000"},
	},
	{
		"lxc/incus#1933", `lxc c1 20250301100000.000 ERROR    conf - conf.c:setup_sysctl_parameters:3020 - Invalid argument - Failed to setup sysctl parameters net.ipv4.ping_group_range to 0 2147483647`,
		idmap.IDUnmapped, "only gids that the container has",
		[]string{"id 2147483647 exists only in a container with 2147483648 ids"},
	},
	{
		"k3s-io/k3s#4249", `"Failed to start ContainerManager" err="[open /proc/sys/kernel/panic_on_oops: permission denied, open /proc/sys/vm/overcommit_memory: permission denied]"`,
		idmap.MachineSetting, "belong to root of the host",
		[]string{"KubeletInUserNamespace"},
	},
	{"lxc/incus#882", `Failed to setup device mount "data": idmapping abilities are required but aren't supported on system`, idmap.IdmappedMounts, "has no idmapped mounts", []string{"Linux 6.9"}},
	// Any program on any filesystem may say so. What shows shiftfs is not in the line.
	{"canonical/lxd#10764", "Error saving key file: rename /etc/docker/.tmp-key.json006026767 /etc/docker/key.json: value too large for defined data type", idmap.None, "", nil},
	{"canonical/lxd#2338", "ERROR: cannot delete '/root/test': Operation not permitted", idmap.StorageDenied, "user_subvol_rm_allowed", nil},
	{"lxc/incus#739", "Error: Failed instance creation: Failed creating instance from image: Could not locate a zvol for default/containers/c1/incus/images/x.block", idmap.StorageDenied, "Devices of zvols", nil},
	// The words are those of any program on overlayfs; the filesystem below it is not in the line.
	{"openzfs/zfs#6896", "sed: can't move '/etc/group' to '/etc/group.bak': Invalid argument", idmap.None, "", nil},
	// "Status 30" is all that Proxmox says.
	{"Proxmox Status 30", "", idmap.None, "", nil},
	// Any rule of iptables may be meant: nestbed knows nothing about networks.
	{"canonical/setup-lxd#19", "iptables: No chain/target/match by that name.", idmap.None, "", nil},
}

func TestPublicReportsAreExplained(t *testing.T) {
	require.Len(t, reports, 44)
	explained, notKnown, noLines := 0, 0, 0
	for _, r := range reports {
		switch {
		case r.lines == "":
			noLines++
		case r.reason == idmap.None:
			notKnown++
		default:
			explained++
		}
		t.Run(r.thread, func(t *testing.T) {
			e, err := Explain(strings.NewReader(r.lines))
			require.NoError(t, err)
			if r.reason == idmap.None {
				assert.Empty(t, e.Findings)
				return
			}
			require.Len(t, e.Findings, 1)
			f := e.Findings[0]
			assert.Equal(t, r.reason, f.Reason)
			assert.Contains(t, f.Cause.Cause, r.cause)
			for _, s := range r.says {
				assert.Contains(t, said(f), s)
			}
		})
	}
	assert.Equal(t, []int{32, 4, 8}, []int{explained, notKnown, noLines})
}

// said returns everything that a finding says.
func said(f Finding) string {
	all := append([]string{f.What}, f.Facts...)
	for _, c := range append([]Cause{f.Cause}, f.Others...) {
		all = append(all, c.Cause, c.Versions)
		for _, fix := range c.Fix {
			all = append(all, fix.Text, fix.Command)
		}
	}
	return strings.Join(all, "\n")
}
