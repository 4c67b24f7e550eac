package classify

import (
	"slices"

	"nestbed/harness/idmap"
)

// mapRules are about ids: maps that the kernel or newuidmap refuse, and the kernel's limits on
// user namespaces.
var mapRules = []rule{
	{
		reason: idmap.ImageIDsUnmapped, op: idmap.OpStart,
		words: words(`Failed (to change|changing) ACLs on`),
		what:  "An access control list names an id that the container does not have.",
		causes: []Cause{{
			Cause: "The container has fewer ids than the user who made the list, for example since it became isolated.",
			Fix: []Fix{
				do("Give the container as many ids as before:"), run("LXD", "lxc config set NAME security.idmap.size=N"), run("Incus", "incus config set NAME security.idmap.size=N"),
				do("Or start it once as it was, and remove the list inside: setfacl --remove-all FILE"),
			},
			Source: []string{"canonical/lxd#7670", "LXD: lxd/idmap/shift_linux.go"},
		}},
	},
	{
		reason: idmap.MapInvalid, op: idmap.OpStart,
		words: words(`Invalid argument - Failed to write [ug]id mapping`, `new[ug]idmap: write to [ug]id_map failed: Invalid argument`,
			`Too many [ug]id mappings defined`, `Failed to set LXC config: lxc\.idmap`, `new[ug]idmap: sub[ug]id overflow detect`),
		what:   whatInvalid,
		causes: slices.Concat(severalLines, rawHole, ownID),
		study:  studyMap,
	},
	{
		reason: idmap.DepthLimit, op: idmap.OpStart,
		words: words(`No space left on device - Failed to clone a new set of namespaces`),
		what:  "The kernel makes no further namespace inside this one. This is not about disk space.",
		causes: []Cause{
			{
				Cause:  "At most 32 pid namespaces and 33 user namespaces can be nested, including those of the machine itself.",
				Fix:    []Fix{do("Nest less deep. A pid namespace around everything, such as that of a container the machine runs in, counts as well.")},
				Source: []string{"features/deep.feature: The kernel's depth limit stops the chain although there are ids left", "kernel: kernel/user_namespace.c, create_user_ns"},
			},
			{
				Cause:  "user.max_user_namespaces or user.max_pid_namespaces is reached. The setting of every level above counts.",
				Fix:    []Fix{run("", "sysctl user.max_user_namespaces user.max_pid_namespaces"), run("", "sysctl -w user.max_user_namespaces=N")},
				Source: []string{"man 7 namespaces"},
			},
		},
	},
	{
		reason: idmap.UserNSDenied, op: idmap.OpStart,
		words: words(`Operation not permitted - Failed to clone a new set of namespaces`, `Permission denied - Failed to clone a new set of namespaces`),
		also:  words(`operation="userns_create".*(?:profile|namespace)="(?:root//)?(?:lxd|lxc|incus)-`),
		what:  "The container may not create user namespaces, so no container starts in it.",
		causes: []Cause{
			{
				Cause:    "Its AppArmor profile has no rule for user namespaces, and this kernel and AppArmor mediate them (since Linux 6.7).",
				Versions: "LXD before 5.21 and 6.2; liblxc's generated profiles with AppArmor 4",
				Fix: append(append(set(`raw.apparmor="userns,"`), Fix{For: "LXC", Text: "add to its config: lxc.apparmor.raw = userns,"},
					Fix{For: "Proxmox", Text: "add to /etc/pve/lxc/ID.conf: lxc.apparmor.raw: userns,"}),
					do("NAME is the container in which it fails. Restart it.")),
				Source: []string{"features/apparmor.feature: LXD's own profile of level 1 prevents level 2 from starting", "lxc/lxc#4529", "lxc/incus#2370"},
			},
			{
				Cause: "A setting of the machine forbids them: kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu 23.10 and later), kernel.unprivileged_userns_clone=0 or user.max_user_namespaces=0.",
				Fix: []Fix{
					run("", "sysctl kernel.apparmor_restrict_unprivileged_userns kernel.unprivileged_userns_clone user.max_user_namespaces"),
					run("", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"), do("On the host. The LXD snap does this by itself."),
				},
				Source: []string{"canonical/lxd#11920", "LXD: snapcraft/commands/daemon.start"},
			},
		},
	},
	{
		// newuidmap prints nothing if the subid file is missing (shadow 4.17).
		reason: idmap.ShadowRefused, op: idmap.OpStart,
		words:  words(`new[ug]idmap: [ug]id range \[`, `new[ug]idmap failed to write mapping ""`),
		what:   "newuidmap refuses ids that /etc/subuid or /etc/subgid does not grant to root.",
		causes: slices.Concat(notGranted, filesChanged, noBaseYet),
		study:  studyRefused,
	},
	{
		reason: idmap.UIDGIDDisagree, op: idmap.OpStart,
		words: words(`Invalid argument - Failed to switch to [ug]id 0`),
		what:  "The container has a map for uids or for gids, but not for both.",
		causes: []Cause{{
			Cause:  "Only one of /etc/subuid and /etc/subgid has a line of root's with at least 65536 ids. LXD uses the one and says nothing about the other.",
			Fix:    []Fix{do("Give root a line of at least 65536 ids in both files, restart the daemon, and create the container again."), run("", "nestbed check")},
			Source: []string{"features/article.feature: With enough uids but too few gids, a container is created but does not start"},
		}},
	},
}

const whatInvalid = "The kernel refuses the idmap, because it contradicts itself."

var (
	severalLines = []Cause{{
		Cause: "Incus uses every line of root's in /etc/subuid and /etc/subgid that has 65536 ids or more, and maps each from id 0 on. The kernel accepts an id only once. LXD uses the first of these lines only.",
		Fix:   []Fix{do("Leave one line for root in each file, and restart Incus."), run("", "nestbed check --flavor incus")},
		Source: []string{
			"features/subid.feature: Incus takes both entries that are large enough, and the kernel refuses the overlapping map",
			"features/migration.feature: With one line left, Incus starts new containers", "lxc/incus#458",
		},
	}}
	rawHole = []Cause{{
		Cause:  "raw.idmap maps the last id of the range. LXD and Incus do not cut that id out of the range, so it is there twice.",
		Fix:    []Fix{do("Map another id of the container.")},
		Source: []string{"features/configuration.feature: The kernel refuses the overlapping map"},
	}}
	ownID = []Cause{{
		Cause:  "A user runs the container without root, and the user's own id lies in the user's own range of subordinate ids. It would be in the map twice.",
		Fix:    []Fix{do("Give the user a range without that id in /etc/subuid and /etc/subgid, or update RootlessKit."), run("", "usermod --del-subuids FIRST-LAST --add-subuids FIRST-LAST USER")},
		Source: []string{"moby/moby#49810", "rootless-containers/rootlesskit#623"},
	}}
	sameRange = []Cause{{
		Cause:  "Two lines of the map name the same ids of the level above. Each may be in a map only once.",
		Fix:    []Fix{do("Remove one of the overlapping lines from /etc/subuid and /etc/subgid, or from the container's configuration.")},
		Source: []string{"kernel: kernel/user_namespace.c, mappings_overlap"},
	}}
	tooLarge = []Cause{{
		Cause:  "A range goes past the last id, 4294967294.",
		Fix:    []Fix{do("Start lower, or take fewer ids, in /etc/subuid and /etc/subgid or in security.idmap.base and security.idmap.size.")},
		Source: []string{"kernel: kernel/user_namespace.c, map_write"},
	}}
	notGranted = []Cause{{
		Cause: "liblxc asks newuidmap for every map if it is installed, and newuidmap grants root only what the files list. The daemon picked these ids by itself, because the files have no line for root or another one.",
		Fix:   []Fix{do("Add a line for root to both files, or remove newuidmap and newgidmap (Debian: package uidmap). Then restart the daemon.")},
		Source: []string{
			"features/depth.feature: newuidmap refuses the default ids that the host's LXD chooses", "canonical/lxd#10503",
			"liblxc: src/lxc/idmap_utils.c, lxc_map_ids",
		},
	}}
	filesChanged = []Cause{{
		Cause:  "The files changed, or newuidmap was installed, after the daemon started. The daemon reads them only at its start, and a container keeps the ids that it was created with.",
		Fix:    []Fix{run("LXD", "systemctl restart lxd"), run("Incus", "systemctl restart incus"), do("If it still fails, grant the old ids as well, or copy the container and delete the original.")},
		Source: []string{"features/allocation.feature: With newuidmap, a new container does not start until LXD is restarted", "lxc/incus#1659"},
	}}
	noBaseYet = []Cause{{
		Cause:    "The container is isolated, and the daemon counted another one that had no base yet as one at id 0. So the ids are a small multiple of 65536, below the daemon's range.",
		Versions: "LXD; Incus before 6.8 if containers are made at once, and later ones if a profile was made isolated under existing containers",
		Fix: []Fix{
			run("LXD", "lxc config get NAME volatile.idmap.base"), run("Incus", "incus config get NAME volatile.idmap.base"),
			do("Create isolated containers one after the other. Copy each container with such a base, or with base 0, and delete the original."),
		},
		Source: []string{"lxc/incus#1483", "lxc/incus#1659", "LXD: lxd/instance/drivers/driver_lxc.go, findIdmap"},
	}}
	rawNotGranted = []Cause{{
		Cause:  "raw.idmap maps an id of the host, and newuidmap grants root only what the files list.",
		Fix:    []Fix{run("", "echo root:1000:1 | tee -a /etc/subuid /etc/subgid"), do("With the id of raw.idmap in place of 1000. Then restart the daemon.")},
		Source: []string{"features/configuration.feature: If newuidmap is installed, it must grant that id", "canonical/lxd#3439"},
	}}
)
