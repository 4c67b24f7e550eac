package classify

import "nestbed/harness/idmap"

// guestRules are about programs in a container: Docker, runc, systemd, snapd and others. The
// harness never needs them.
var guestRules = []rule{
	{
		reason: idmap.AppArmorDenied,
		also:   words(`open sysctl net\.\S+ file: reopen fd \d+: permission denied`),
		what:   "runc may not set a network setting in the container.",
		causes: []Cause{{
			Cause:    "Since the fix of CVE-2025-52881, runc reopens /proc/sys through a detached mount. The container's AppArmor profile takes that for a path below /sys.",
			Versions: "runc 1.3.3 and later; fixed in Incus 6.19 and liblxc 6.0.6",
			Fix: []Fix{
				do("Update the container manager on the host: Incus 6.19, lxc-pve 6.0.5-2, liblxc 6.0.6 or later."),
				do("Until then, an older containerd.io (1.7.28-1) in the container works. Without AppArmor it does, too, but that gives up a boundary."),
			},
			Source: []string{"opencontainers/runc#4968", "lxc/incus#2623", "Incus: 1fbe4bffb9"},
		}},
	},
	{
		reason: idmap.AppArmorDenied,
		also:   words(`error jailing process inside rootfs: pivot_root .*permission denied`, `operation="pivotroot".*profile="(?:runc|crun|docker-default)"`),
		what:   "AppArmor forbids the container runtime to change its root directory.",
		causes: []Cause{{
			Cause:    `Ubuntu's AppArmor loads a profile named runc in the container, and Ubuntu's kernel refuses pivot_root in it. The settings about user namespaces do not matter here.`,
			Versions: "Ubuntu 24.04 in the container and on the host",
			Fix:      []Fix{do("Update the kernel of the host. A mainline kernel worked.")},
			Source:   []string{"canonical/lxd#13389", "lxc/incus#791"},
		}},
	},
	{
		reason: idmap.AppArmorDenied,
		also:   words(`operation="create".*info="failed type and protocol match".*profile="(?:lxd|incus)_dnsmasq-`),
		what:   "AppArmor keeps dnsmasq of the inner daemon from making a socket, so its network does not come up.",
		causes: []Cause{{
			Cause:    "The profile that the inner daemon loaded for dnsmasq is checked more strictly in a container than on the host.",
			Versions: "fixed in newer LXD and Incus",
			Fix:      []Fix{do("Update LXD or Incus in the container.")},
			Source:   []string{"canonical/lxd#7748", "zabbly/incus#52"},
		}},
	},
	{
		reason: idmap.ProfileRefused,
		also:   words(`apparmor detected but insufficient permissions to use it`),
		what:   "snapd cannot load AppArmor profiles here, so snaps do not work.",
		causes: []Cause{{
			Cause:  "This container has no AppArmor policy namespace of its own. Only level 1 has one, because they do not nest; level 2 and below have none.",
			Fix:    []Fix{do("Use packages instead of snaps at level 2, or run the snap at level 1."), do("Or hide AppArmor from snapd: mount a tmpfs over /sys/kernel/security in the container.")},
			Source: []string{"canonical/lxd#9099", "canonical/lxd#14770", "features/apparmor.feature: The LXD of level 2 fails to make a profile for its unpacker"},
		}},
	},
	{
		reason: idmap.NestingNotAllowed,
		also:   words(`Failed to set up credentials: Protocol error`, `Failed to set up mount namespacing: /run/systemd/unit-root/proc: Permission denied`),
		what:   "systemd in the container may not make mounts for its services.",
		causes: []Cause{{
			Cause:    "Without security.nesting, the container's AppArmor profile forbids the mounts that systemd makes for credentials and sandboxes.",
			Versions: "systemd 254 and later for credentials; under LXD before 6.7 and 5.21.5, and Incus before 6.6 and 6.0.3",
			Fix:      nesting(),
			Source:   []string{"features/systemd.feature: The journal of Debian 13 does not start at a level without security.nesting", "canonical/lxd#17073", "systemd/systemd#17866"},
		}},
	},
	{
		reason: idmap.CgroupUnsupported,
		also:   words(`Failed to mount cgroup at /sys/fs/cgroup/systemd: Operation not permitted`, `Failed to mount "/sys/fs/cgroup"`),
		what:   "The systemd in the container cannot use the control groups of this machine.",
		causes: []Cause{{
			Cause:    "The machine has pure cgroup v2, and the systemd in the container knows only v1. Its init then stands still.",
			Versions: "such as in CentOS 7 and Ubuntu 16.04",
			Fix:      []Fix{do("Use a newer distribution in the container. Or boot the host with systemd.unified_cgroup_hierarchy=0, if its systemd and liblxc still support v1.")},
			Source:   []string{"lxc/lxc#4072", "canonical/lxd#13361"},
		}},
	},
	{
		reason: idmap.InotifyQuota,
		also: words(`Failed to allocate directory watch: Too many open files`, `inotify cannot be used, reverting to polling: Too many open files`,
			`inotify_add_watch.*[Nn]o space left on device`, `inotify_init.*[Tt]oo many open files`),
		what: "The quota of inotify instances or watches is used up. This is not about files or disk space.",
		causes: []Cause{{
			Cause: "The kernel counts inotify instances in a container also for the user who made its user namespace, which is root of the host. So all containers share root's quota, 128 instances at first, and each systemd takes several.",
			Fix: []Fix{
				run("", "sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=1048576"),
				do("On the host; put both into /etc/sysctl.d to keep them."),
			},
			Source: []string{"features/quota.feature: Level 2 takes every inotify instance of level 1, and an isolated sibling gets none", "canonical/lxd#2252", "LXD: snapcraft/commands/daemon.start", "kernel: kernel/ucount.c, inc_ucount"},
		}},
	},
	{
		reason:  idmap.MachineSetting,
		also:    words(`open /proc/sys/(?:kernel|vm)/\w+: permission denied`, `kubelet: open /dev/kmsg: `),
		context: []string{"ubelet", "ContainerManager", "kernel flag"},
		what:    "The kubelet in the container wants to change a setting of the whole machine.",
		causes: []Cause{{
			Cause: "Settings of the kernel that are not of a namespace belong to root of the host. The kubelet writes some of them when it starts.",
			Fix: []Fix{
				do("Give the kubelet the feature gate KubeletInUserNamespace=true. k3s: --kubelet-arg=feature-gates=KubeletInUserNamespace=true"),
				do("Set the values on the host: vm.overcommit_memory=1, kernel.panic=10, kernel.panic_on_oops=1."),
			},
			Source: []string{"features/wall.feature: Root at level 3 cannot <operation>", "k3s-io/k3s#4249"},
		}},
	},
	{
		reason: idmap.IdmappedMounts, op: idmap.OpStart,
		also: words(`idmapping abilities are required but`, `Required idmapping abilities not available`, `Failed to create detached idmapped mount`),
		what: "A disk of the container needs an idmapped mount, which is not possible here.",
		causes: []Cause{
			{
				Cause:  "The filesystem of the disk has no idmapped mounts, such as NFS and most of FUSE, or the daemon runs in a container, where only filesystems of its own can have them.",
				Fix:    append([]Fix{do("Remove shift from the device, and map the id of the files' owner instead. /etc/subuid and /etc/subgid must grant it: root:1000:1.")}, set("raw.idmap=\"both 1000 1000\"")...),
				Source: []string{"features/storage.feature: The LXD of level 1 cannot attach the directory with shift=true", "LXD: lxd/instance/drivers/driver_lxc.go"},
			},
			{
				Cause:    "The daemon tests idmapped mounts with a user namespace that has no map, which Linux 6.9 and later refuse.",
				Versions: "LXD and Incus before 2024, on Linux 6.9 and later",
				Fix:      []Fix{do("Update LXD or Incus.")},
				Source:   []string{"features/storage.feature: The files of every level have the owners on disk that the LXD above can set", "lxc/incus#882"},
			},
		},
	},
	{
		reason: idmap.StorageDenied,
		also:   words(`Could not destroy subvolume/snapshot: Operation not permitted`, `ERROR: cannot delete '.*': Operation not permitted`),
		what:   "Root of the container may not delete a btrfs subvolume.",
		causes: []Cause{{
			Cause:  "In a user namespace, btrfs allows that only on a mount with user_subvol_rm_allowed.",
			Fix:    []Fix{run("LXD", "lxc storage set POOL btrfs.mount_options=user_subvol_rm_allowed"), run("Incus", "incus storage set POOL btrfs.mount_options=user_subvol_rm_allowed"), do("On the host, which must mount the pool again.")},
			Source: []string{"features/storage.feature: With other mount options for the host's pool, the LXD of level 1 cannot delete a container", "canonical/lxd#2338"},
		}},
	},
	{
		reason: idmap.StorageDenied,
		also:   words(`Could not locate a zvol for`),
		what:   "The daemon finds no device of a ZFS volume.",
		causes: []Cause{{
			Cause:  "If the daemon runs in a container with a delegated dataset: delegation covers datasets. Devices of zvols do not appear in a container, so virtual machines and zfs.block_mode need another pool.",
			Fix:    []Fix{run("LXD", "lxc storage create POOL dir"), run("Incus", "incus storage create POOL dir"), do("In the container, for what needs a block device.")},
			Source: []string{"lxc/incus#739", "Incus: internal/server/storage/drivers/driver_zfs_volumes.go"},
		}},
	},
}
