package classify

import "nestbed/harness/idmap"

// startRules are about mounts, cgroups and owners of files when a container starts.
var startRules = []rule{
	{
		reason: idmap.NestingNotAllowed, op: idmap.OpStart,
		words: words(`Failed to mount "(proc|sysfs)" on`, `Permission denied - Failed to mount ".*/rootfs" onto`, `Does security\.nesting need to be turned on`),
		also:  words(`Failed to mount proc onto`, "mount `proc` to `proc`: (?:Operation not permitted|Permission denied)", `error mounting "proc" to rootfs at "/proc".*(?:operation not permitted|permission denied)`),
		what:  "The container may not mount proc or sysfs, so no container starts in it.",
		causes: []Cause{
			{
				Cause: "The container around it was started without security.nesting.",
				Fix:   nesting(),
				Source: []string{
					"features/nesting.feature: Without the flag at level 1, level 2 does not start",
					"features/nesting.feature: If the flag is set while level 1 runs, level 2 does not start", "canonical/lxd#2490",
				},
			},
			{
				Cause:  "Something covers files of /proc, such as lxcfs or the masked paths of a container engine. The kernel then allows no further proc (mount_too_revealing), unless one that nothing covers is in sight.",
				Fix:    []Fix{run("", "grep ' /proc' /proc/self/mountinfo"), do("Mount a plain proc somewhere in the outer container; security.nesting does that at /dev/.lxc/proc.")},
				Source: []string{"features/nesting.feature: Uncovering the boot id is not enough if lxcfs covers more files", "containers/podman#9813", "canonical/lxd#3900"},
			},
		},
	},
	{
		reason: idmap.CgroupUnsupported, op: idmap.OpStart,
		words: words(`Failed to mount cgroups`, `unsupported cgroup layout`, `Unsupported CGroup setup`,
			`No space left on device - Failed to enter cgroup`), // a v1 cpuset without processors (man 7 cpuset)
		what: "liblxc cannot use the control groups of this machine.",
		causes: []Cause{{
			Cause:    "liblxc 7 has no code for cgroup v1, not even with v2 beside it. It reports that as unsupported, or as no space left on device.",
			Versions: "Incus 7, and LXD with liblxc 7",
			Fix:      []Fix{do("Boot the machine with pure cgroup v2: remove systemd.unified_cgroup_hierarchy=0 from the kernel's command line."), run("", "stat -f -c %T /sys/fs/cgroup"), do("It must print cgroup2fs.")},
			Source:   []string{"features/bundle.feature: Incus 7 on the host cannot start a level"},
		}},
	},
	{
		reason: idmap.OutsideParent, op: idmap.OpStart,
		words: words(`Failed (to change|changing) ownership of`, `Operation not permitted - Failed to write [ug]id mapping`,
			`new[ug]idmap: write to [ug]id_map failed: Operation not permitted`),
		context: []string{"rootfs", "LXD", "lxd", "incus", "lxc", "id mapping", "idmap"},
		what:    whatOutside,
		causes:  outsideParent,
		study:   studyMap,
	},
}

const whatOutside = "The container is to get ids that the level above does not have."

var outsideParent = []Cause{
	{
		Cause: "A container can pass on only ids that it has itself. The /etc/subuid and /etc/subgid in it name others: a default allocation of 100000:65536 needs at least 165536 ids around it.",
		Fix:   []Fix{do(outsideFix), run("", "cat /proc/self/uid_map"), run("", "nestbed plan --depth 3")},
		Source: []string{
			"features/depth.feature: With <count> ids on the host, the delegation for depth <depth> exceeds the ids of level 1",
			"canonical/lxd#2885", "canonical/lxd#1364",
		},
	},
	{
		Cause:  "security.idmap.base or raw.idmap of the container names ids that the level does not have. Neither is checked before.",
		Fix:    []Fix{run("LXD", "lxc config show --expanded NAME"), run("Incus", "incus config show --expanded NAME")},
		Source: []string{"features/rawidmap.feature: Level 2 cannot get an id that level 1 does not have"},
	},
}

// machineRules are about the daemon and its machine. Reason asks them last: a full disk, for
// example, may be the effect of something else.
var machineRules = []rule{
	{
		// LXD and Incus: db/schema/schema.go.
		reason: idmap.DatabaseNewer,
		words:  words(`schema version '\d+' is more recent than expected '\d+'`),
		what:   "The daemon is older than its database, and does not start.",
		causes: []Cause{{
			Cause:  "The daemon was downgraded. It changes nothing, and containers keep running.",
			Fix:    []Fix{do("Install the newer version again. To go back for good, restore a backup of the database.")},
			Source: []string{"features/upgrade.feature: The old version of the host's LXD does not run", "LXD: lxd/db/schema/schema.go"},
		}},
	},
	{
		reason: idmap.ProgramMissing, op: idmap.OpNetwork,
		words: words(`dnsmasq is required for (?:LXD )?managed bridges`, `exec: "dnsmasq": executable file not found`, `exec: "iptables": executable file not found`),
		what:  "A program that the daemon needs for a managed bridge is missing.",
		causes: []Cause{{
			Cause:  "dnsmasq gives addresses and names, and nft or iptables translates addresses. The packages only recommend them.",
			Fix:    []Fix{run("", "apt-get install dnsmasq-base nftables")},
			Source: []string{"features/fault.feature: The program <program> is missing at level 1, whose LXD makes no bridge without it", "LXD: lxd/network/driver_bridge.go, setup; lxd/firewall/firewall_load.go, New"},
		}},
	},
	{
		reason: idmap.NotOnBtrfs, op: idmap.OpStorage,
		words: words(`path does not reside on a btrfs filesystem`),
		what:  "A btrfs pool in a directory is possible only on btrfs.",
		causes: []Cause{{
			Cause:  "The container's own files are on another filesystem, as its pool on the level above decides.",
			Fix:    []Fix{run("LXD", "lxc storage create POOL dir"), run("Incus", "incus storage create POOL dir")},
			Source: []string{"features/storage.feature: Level 1 is stored in a directory of the host"},
		}},
	},
	{
		reason: idmap.DiskFull,
		words:  words(`No space left on device`, `no space left on device`, `Disk quota exceeded`, `disk quota exceeded`, `run out of disk space`),
		except: []string{"session key", "kernel keyring"},
		what:   "The disk is full, or a disk quota is used up.",
		causes: []Cause{{
			Cause:  "A filesystem has no free space or inodes, or the container's disk has reached its size limit.",
			Fix:    []Fix{run("", "df -h && df -i"), run("LXD", "lxc storage info POOL"), run("Incus", "incus storage info POOL"), do("Free some space, or raise the size of the root disk.")},
			Source: []string{"features/fault.feature: The disk fills up before operation <operation> of level <level>"},
		}},
	},
	{
		// If LXD dies during an operation, its client sees only a closed connection.
		reason: idmap.DaemonDied,
		words: words(`its init is gone`, `LXD ended at its start`, `websocket: close 1006`, `connect: connection refused`,
			`connection reset by peer`, `: EOF$`, `: unexpected EOF$`),
		except:  []string{"from pipe: EOF"}, // runc's words for a child that failed
		context: []string{"unix.socket", "LXD ", "lxd/", "incus/", "close 1006"},
		what:    "The daemon ended, or does not run.",
		causes: []Cause{{
			Cause:  "LXD or Incus died during the request, for example because memory ran out, or it was never started.",
			Fix:    []Fix{run("LXD", "journalctl -u lxd -u snap.lxd.daemon -n 50"), run("Incus", "journalctl -u incus -n 50"), run("", "dmesg | grep -i 'out of memory'")},
			Source: []string{"features/fault.feature: The LXD of level 2 is killed during operation <operation>", "features/fault.feature: Level 1 has too little memory for its LXD"},
		}},
	},
	{
		// For liblxc a full quota is only a warning (src/lxc/conf.c, setup_keyring), so everything
		// else comes first.
		reason: idmap.KeyQuota,
		words:  words(`Disk quota exceeded - Failed to create kernel keyring`, `create session key: disk quota exceeded`),
		what:   "The quota of kernel keys is used up. This is not about disk space.",
		causes: []Cause{{
			Cause: "Each container and each process of Docker takes a key, and the kernel counts keys by host id: 200 at first. Containers with the same ids share them.",
			Fix: []Fix{
				run("", "sysctl -w kernel.keys.maxkeys=2000 kernel.keys.maxbytes=2000000"),
				do("On the host; put both into /etc/sysctl.d to keep them. Isolated containers have a quota of their own."),
			},
			Source: []string{"features/quota.feature: Level 1 takes every kernel key, and a sibling with the same ids gets none", "moby/moby#38454", "canonical/lxd#5614", "LXD: snapcraft/commands/daemon.start"},
		}},
	},
}
