package classify

import "nestbed/harness/idmap"

// refusalRules are about what LXD, Incus or AppArmor refuse before any process of the container
// runs.
var refusalRules = []rule{
	{
		// The parser's error for a policy namespace that LXD may not manage (AppArmor:
		// parser/parser_interface.c, print_error, for EACCES; Debian 13's wording, then Debian
		// 12's), and liblxc's error for a profile that it cannot change to.
		reason: idmap.ProfileRefused,
		words: words(`apparmor_parser .*(?:Access denied|attempted to load a profile while confined)`,
			`Failed to change AppArmor profile to`, `Already AppArmor confined, but new label requested`),
		what: "AppArmor refused to load a profile, or to change to one.",
		causes: []Cause{
			{
				Cause: "Only the host and level 1 can load AppArmor profiles, because policy namespaces do not nest. The daemon at level 2 or below must not try.",
				Fix: []Fix{
					run("LXD", "lxc config set c2 environment.LXD_SECURITY_APPARMOR=false"),
					run("Incus", "incus config set c2 environment.INCUS_SECURITY_APPARMOR=false"),
					do("These are for the container at level 2 that the daemon runs in. For each container inside it:"),
					run("LXD", `lxc config set NAME raw.lxc="lxc.apparmor.profile = unchanged"`),
				},
				Source: []string{"features/apparmor.feature: The LXD of level 2 fails to make a profile for its unpacker", "features/apparmor.feature: The liblxc of level 2 fails to change the profile of a container", "canonical/lxd#9729"},
			},
			{
				Cause:  "The package apparmor was removed at level 1, while AppArmor is on.",
				Fix:    []Fix{run("", "apt-get install apparmor"), do("At level 1 only; then restart its daemon.")},
				Source: []string{"canonical/lxd#8461"},
			},
		},
	},
	{
		// LXD: lxd/project/permissions.go.
		reason: idmap.ProjectForbids, op: idmap.OpCreate,
		words: words(`of project ".*": .* (is|are) forbidden`, `in project ".*" is forbidden`, `of project ".*" is forbidden`),
		what:  "The project does not allow this container.",
		causes: []Cause{{
			Cause: "The project is restricted. By default, a restricted project forbids security.nesting and security.privileged.",
			Fix: []Fix{
				run("LXD", "lxc project set PROJECT restricted.containers.nesting=allow"),
				run("Incus", "incus project set PROJECT restricted.containers.nesting=allow"),
			},
			Source: []string{"features/project.feature: If the project allows nesting, level 2 is made"},
		}},
	},
	{
		reason: idmap.ProjectLimit, op: idmap.OpCreate,
		words: words(`Reached maximum (number of instances|aggregate value)`, `in project ".*" has no ".*" config`),
		what:  "The project has a limit that leaves no room for this container.",
		causes: []Cause{{
			Cause:  "The sum of all containers of the project would exceed the limit, or the container does not state its part of a limited resource.",
			Fix:    []Fix{run("LXD", "lxc project show PROJECT"), run("Incus", "incus project show PROJECT"), do("Raise the limit, or set the named key on the container or its profile.")},
			Source: []string{"features/project.feature: <limit>=<value> leaves no room for level 2"},
		}},
	},
	{
		// liblxc does not know a line of raw.lxc.
		reason: idmap.ConfigRefused, op: idmap.OpStart,
		words: words(`loading config file for the container failed`),
		what:  "liblxc cannot load the configuration that the daemon wrote for the container.",
		causes: []Cause{{
			Cause:    "raw.lxc has a key that this liblxc does not know. liblxc 7 has no cgroup v1 and none of its keys.",
			Versions: "liblxc 7 and later",
			Fix: []Fix{
				run("LXD", "lxc config get NAME raw.lxc"), run("Incus", "incus config get NAME raw.lxc"),
				do("Remove lines that begin with lxc.cgroup. or write the lxc.cgroup2. key instead."),
			},
			Source: []string{"features/bundle.feature: Incus 7 does not start a level with a key of cgroup v1 in raw.lxc", "lxc/lxc#4679"},
		}},
	},
	{
		reason: idmap.ConfigRefused,
		words:  words(`configured to only allow unprivileged containers`),
		what:   "This LXD makes no privileged containers.",
		causes: []Cause{{
			Cause:  "LXD runs with LXD_UNPRIVILEGED_ONLY in its environment.",
			Fix:    []Fix{run("LXD", "lxc config unset NAME security.privileged"), do("Or start LXD without LXD_UNPRIVILEGED_ONLY.")},
			Source: []string{"features/privilege.feature: The LXD of level 1 refuses a privileged level with LXD_UNPRIVILEGED_ONLY (level 1 privileged: <privileged>)"},
		}},
	},
	{
		reason: idmap.ConfigRefused,
		words:  words(`security\.idmap\.base can't be used with security\.idmap\.isolated`),
		what:   "An isolated container can no longer have a base.",
		causes: []Cause{{
			Cause:    "security.idmap.base changed its meaning: it now places containers that are not isolated.",
			Versions: "Incus 7.0.2 and later",
			Fix:      []Fix{run("Incus", "incus config unset NAME security.idmap.base"), run("Incus", "incus config unset NAME security.idmap.isolated"), do("One of the two: the first for ids of its own, the second to stay where it is.")},
			Source:   []string{"features/isolated.feature: An isolated sibling with a base is refused", "lxc/incus#4048"},
		}},
	},
	{
		reason: idmap.ConfigRefused,
		words:  words(`Invalid value for (uint32|a boolean|an integer)`),
		what:   "The daemon refuses the value of a configuration key.",
		causes: []Cause{{
			Cause:  "The value is not of the kind that the key has: a number from 0 to 4294967295, or true or false.",
			Fix:    []Fix{run("LXD", "lxc config show --expanded NAME"), run("Incus", "incus config show --expanded NAME")},
			Source: []string{"features/nesting.feature: A value that is not a boolean is refused"},
		}},
	},
	{
		reason: idmap.RawIDMapOverlaps,
		words:  words(`Host (id|ID) is in the range of subids`),
		what:   "raw.idmap names an id that all containers already have.",
		causes: []Cause{{
			Cause: "An id of raw.idmap lies in the range that the daemon gives to its containers. It would exist twice in this one.",
			Fix: []Fix{
				do("Give root a range without that id in /etc/subuid and /etc/subgid, and restart the daemon. The LXD snap does not read these files: there the id must change."),
				do("Or isolate the container: then it has only 65536 ids of the range."),
			},
			Source: []string{"features/configuration.feature: LXD refuses an id of its own allocation in raw.idmap", "canonical/lxd#11600"},
		}},
		study: studyRawIDMap,
	},
	{
		reason: idmap.RawIDMapMalformed,
		words:  words(`Invalid ID [Mm]ap (line|type|range)`, `ID map ranges are of different sizes`, `Failed initiali[sz]ing instance: strconv\.Parse`),
		what:   "raw.idmap has a line that the daemon cannot read.",
		causes: []Cause{{
			Cause:  "A line of raw.idmap is uid, gid or both, then ids of the host, then ids of the container, with one space between. Both are single ids or ranges of the same size.",
			Fix:    append([]Fix{do("An example, for which /etc/subuid and /etc/subgid must have root:1000:1:")}, set(`raw.idmap="both 1000 1000"`)...),
			Source: []string{"features/rawidmap.feature: Level 2 is refused <what>", "LXD: lxd/idmap/parse_linux.go"},
		}},
	},
	{
		reason: idmap.IsolatedExhausted,
		words:  words(`Not enough uid/gid available for the container`),
		what:   "There is no free range of ids for another isolated container.",
		causes: []Cause{
			{
				Cause:  "Each isolated container takes 65536 ids, or security.idmap.size, of the daemon's range. None takes the first 65536, and LXD wants one id more than it uses; so do Incus versions before 6.7.",
				Fix:    []Fix{do("Give root more ids in /etc/subuid and /etc/subgid, and restart the daemon."), do("Or make the containers smaller, or not isolated.")},
				Source: []string{"features/isolated.feature: With 196608 ids on the host, a second isolated sibling is refused", "lxc/incus#1294"},
			},
			{
				Cause:  "Deleted containers left a gap of exactly the wanted size. LXD uses a gap only if it is one id larger.",
				Fix:    append(set("security.idmap.size=65535"), do("One id less fits into the gap.")),
				Source: []string{"features/isolated.feature: A sibling of the same size does not get the ids of a deleted sibling in the middle"},
			},
		},
		study: studyIsolated,
	},
}
