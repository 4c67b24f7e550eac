package classify

import (
	"slices"

	"nestbed/harness/idmap"
)

// failureRules find the reason in the API's error or in the container's lxc.log. Reason takes the
// first that matches, whatever line it is: an earlier rule is about a cause, a later one may be
// about its effect.
var failureRules = slices.Concat(refusalRules, mapRules, startRules, machineRules)

// explainRules are all rules, in the order in which Explain asks them about a line. The first are
// about programs in a container: they know more exactly what the words of the others mean. Rules
// from vagueRules count only if nothing else is found.
var explainRules = slices.Concat(guestRules, unmappedRules, failureRules, daemonRules, vagueRules)

// daemonRules find the reason why a daemon has no idmap in the log of its start (LXD:
// idmap/idmapset_linux.go; Incus: internal/server/sys/os.go, which also reports a missing line
// for root as a failure to parse).
var daemonRules = []rule{
	{
		reason: idmap.NoAllocation, op: idmap.OpCreate,
		words: words(`Unable to parse system idmap.*No map found for user`),
		what:  "Incus has no ids for unprivileged containers: a subid file has no line for root.",
		causes: []Cause{{
			Cause: "Unlike LXD, Incus takes no default ids if newuidmap is installed and /etc/subuid or /etc/subgid has no line for root.",
			Fix: []Fix{
				run("Incus", "usermod --add-subuids 1000000-1000999999 --add-subgids 1000000-1000999999 root && systemctl restart incus"),
			},
			Source: []string{"features/depth.feature: Incus makes no containers on a host without an allocation that newuidmap grants", "Incus: shared/idmap/set_load.go"},
		}},
	},
	{
		reason: idmap.SubIDMalformed, op: idmap.OpCreate,
		words: words(`Unexpected values in \\?"/etc/sub[ug]id`, `Unable to parse system idmap`),
		what:  "The daemon cannot read /etc/subuid or /etc/subgid.",
		causes: []Cause{{
			Cause: "One line with fewer than three fields makes the whole file invalid, even if it is about another user.",
			Fix: []Fix{
				do("Correct or delete the line, and restart the daemon. Each line is OWNER:START:COUNT."),
				run("", "nestbed check"),
			},
			Source: []string{`features/subid.feature: The line "<line>" of another user stops level 1`, "LXD: lxd/idmap/idmapset_linux.go, getFromShadow"},
		}},
	},
	{
		reason: idmap.OutsideParent, op: idmap.OpCreate,
		words: words(`uid/gid map entry isn't usable`, `uid/gid map entry is not usable`),
		what:  "The files give root ids that this container itself does not have.",
		causes: []Cause{{
			Cause:  "A container can pass on only ids that it has itself, and its /etc/subuid and /etc/subgid name others.",
			Fix:    []Fix{do(outsideFix), run("", "cat /proc/self/uid_map /proc/self/gid_map"), run("", "nestbed plan --depth 3")},
			Source: []string{"features/depth.feature: With <count> ids on the host, the delegation for depth <depth> exceeds the ids of level 1", "canonical/lxd#2885"},
		}},
	},
	{
		reason: idmap.NoAllocation, op: idmap.OpCreate,
		words:  words(`No available uid/gid map could be found`, `Not enough uid/gid available, only`, `No valid subuid/subgid map`),
		what:   "The daemon found no ids for unprivileged containers when it started.",
		causes: slices.Concat(noIDsOnAHost, noIDsInALevel),
		study:  studyAllocations,
	},
}

// noIDs has the API's error, which is the same for all daemonRules.
var noIDs = []rule{{
	reason: idmap.NoAllocation, op: idmap.OpCreate,
	words:  words(`LXD doesn't have a uid/gid allocation`, `LXD does not have a uid/gid allocation`, `No uid/gid allocation configured`, `have a functional idmap setup`),
	what:   "The daemon has no ids for unprivileged containers. Its log of its start says why.",
	causes: slices.Concat(noIDsOnAHost, noIDsInALevel, []Cause{daemonRules[1].causes[0]}),
	study:  studyAllocations,
}}

const outsideFix = "In the container, write into both files a range that it has, and restart its daemon. Or give the container more ids: see nestbed plan."

var noIDsOnAHost = []Cause{{
	Cause: "Every line of root's has fewer than 65536 ids, and the daemon skips those.",
	Fix: []Fix{
		do("Give root one line of at least 65536 ids in /etc/subuid and in /etc/subgid, such as root:1000000:1000000000, and restart the daemon."),
		run("", "nestbed check"),
	},
	Source: []string{"features/allocation.feature: A host with less than one block restarts level 1 but cannot make a new container", "canonical/lxd#9722"},
}}

var noIDsInALevel = []Cause{{
	Cause: "The daemon runs in a container that has too few ids to pass on. Without files, LXD passes on those from 100000 up, so the container needs at least 165537; Incus passes on those from 65536 up and needs 131072.",
	Fix: []Fix{
		do("Give the container more ids, or write root:65536:65536 into its /etc/subuid and /etc/subgid if it has 131072."),
		run("", "nestbed plan --depth 2"),
		do("Or let the containers inside share its ids, without a boundary between them: security.privileged=true inside."),
	},
	Source: []string{"features/depth.feature: 165536 ids at level 1 are one too few for level 2", "canonical/lxd#2885"},
}}
