package classify

import (
	"slices"

	"nestbed/harness/idmap"
)

// unmappedRules are about an id that a container does not have, which a program in it wants to
// use.
var unmappedRules = []rule{
	{
		reason: idmap.IDUnmapped,
		also:   words(`Unable to change GID to \d+ temporarily`, `Unable to change UID to \d+ temporarily`),
		what:   "A user logs in whose id does not exist in the container.",
		causes: []Cause{{
			Cause: "A container with N ids has the ids 0 to N-1. LXD gives 1000000000 by default, and 65536 to an isolated container. Accounts of a directory often have larger ids.",
			Fix: []Fix{
				do("Let the directory use smaller ids; authd since 2025: 10000 to 60000. Or give the container more ids."),
				run("", "nestbed plan --needs ID"),
			},
			Source: []string{"canonical/authd#819", "canonical/lxd#2784", "kernel: kernel/sys.c, setuid"},
		}},
		study: studyID,
	},
	{
		reason: idmap.IDUnmapped,
		also:   words(`ping_group_range.*[Ii]nvalid argument`, `Failed to setup sysctl parameters net\.ipv4\.ping_group_range`),
		what:   "The last gid of net.ipv4.ping_group_range does not exist in the container.",
		causes: []Cause{{
			Cause: "The kernel accepts only gids that the container has. The last gid of a container with 65536 ids is 65535.",
			Fix: []Fix{
				do(`In the container: net.ipv4.ping_group_range="0 65535", or the last gid that /proc/self/gid_map shows.`),
				do("Or update the container manager. Newer Incus takes the last gid of the map."),
			},
			Source: []string{"lxc/incus#1933", "Incus: internal/server/instance/drivers/driver_lxc.go"},
		}},
		study: studyID,
	},
	{
		reason: idmap.ImageIDsUnmapped, op: idmap.OpCreate,
		also: words(`insufficient UIDs or GIDs available in user namespace`, `Cannot change ownership to uid \d+, gid \d+: Invalid argument`),
		what: "The image has a file whose owner does not exist here.",
		causes: []Cause{{
			Cause: "The engine or daemon that unpacks the image has fewer ids than the image uses.",
			Fix: []Fix{
				do("Give the container, or the user who runs the engine, more ids in /etc/subuid and /etc/subgid; then restart the engine (Podman: podman system migrate)."),
				do("Or use an image without that id. All of its ids that are too large:"), run("", "nestbed check --image FILE"),
			},
			Source: []string{"features/image.feature: tar reports the file whose owner cannot be set", "kernel: fs/open.c, chown_common"},
		}},
		study: studyID,
	},
	{
		reason: idmap.ShadowRefused, op: idmap.OpStart,
		also: words(`new[ug]idmap is not setuid-root`),
		what: "newuidmap or newgidmap has no privilege to write maps.",
		causes: []Cause{{
			Cause:  "The program is neither setuid-root nor has its file capability. A package manager, a copy of the files or an image without capabilities loses them.",
			Fix:    []Fix{run("", "chmod u+s $(command -v newuidmap) $(command -v newgidmap)")},
			Source: []string{"canonical/lxd#3397", "lxc/lxc#296", "liblxc: src/lxc/cmd/lxc-checkconfig.in"},
		}},
	},
}

// vagueRules are for lines that say too little. They count only if no other line says more.
var vagueRules = slices.Concat(noIDs, []rule{
	{
		reason: idmap.IDUnmapped,
		also:   words(`setuid: Invalid argument`, `setgid: Invalid argument`),
		what:   "A program wants to become a user whose id does not exist in the container.",
		causes: unmappedRules[0].causes,
		study:  studyID,
	},
	{
		// newuidmap's reason is cut, or in another language: the numbers say which it is.
		reason: idmap.MapInvalid, op: idmap.OpStart,
		also:   words(`new[ug]idmap: write to [ug]id_map`),
		what:   "The kernel refuses the idmap.",
		causes: slices.Concat(severalLines, rawHole, ownID),
		study:  studyMap,
	},
	{
		reason: idmap.ShadowRefused, op: idmap.OpStart,
		also:     words(`Failed to set up id mapping`),
		rawIDMap: true,
		what:     "liblxc could not write the container's idmap, which has raw.idmap in it.",
		causes:   slices.Concat(rawNotGranted, rawHole),
		study:    studyRawIDMap,
	},
})

// noise has the words of lines that follow from any failed start, or come with every start.
var noise = slices.Concat(words(
	`forkstart `, `container state "ABORTING"`, `Failed to spawn container`, `failed to spawn '`,
	`An error occurred in another process`, `Failed to setup container`, `ailed to setup the container`, `Failed to create cgroup at_mnt`,
	`Failed to load bpf program`, `bpf_program_load_kernel`, `new[ug]idmap binary is missing`, `Failed to set up id mapping`,
	`Failed to setup first automatic mounts`, `failed to setup the automatic mounts`, `Failed to run lxc.hook.`,
	`Failed to initialize container`, `Failed to receive the container state`, `The container failed to start`,
	`lxc info --show-log`, `incus info --show-log`, `from pipe: EOF`, `error mounting proc on`, `Only privileged containers will be able to run`,
	`startup for container '`,
))
