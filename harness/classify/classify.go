// Package classify finds the reason of a failure, and the lines that show it, in the error of
// LXD or Incus and in their logs. It knows the wording of old and new versions. It reads no
// files.
package classify

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
	"nestbed/harness/wait"
)

// A rule finds a reason by the words of LXD, liblxc or the kernel. It must match Incus and both
// spellings of LXD (since 6.8: "does not" for "doesn't", "Failed X-ing" for "Failed to X").
type rule struct {
	reason idmap.Reason
	words  *regexp.Regexp
}

// daemonRules find the reason why a daemon has no idmap in the log of its start (LXD:
// idmap/idmapset_linux.go; Incus: internal/server/sys/os.go, which also reports a missing line
// for root as a failure to parse).
var daemonRules = []rule{
	{idmap.NoAllocation, regexp.MustCompile(`Unable to parse system idmap.*No map found for user`)},
	{idmap.SubIDMalformed, regexp.MustCompile(`Unexpected values in \\?"/etc/sub[ug]id|Unable to parse system idmap`)},
	{idmap.OutsideParent, regexp.MustCompile(`uid/gid map entry (isn't|is not) usable`)},
	{idmap.NoAllocation, regexp.MustCompile(`No available uid/gid map could be found|Not enough uid/gid available, only|No valid subuid/subgid map`)},
}

// noIDs matches the API's error, which is the same for all daemonRules.
var noIDs = regexp.MustCompile(`LXD (doesn't|does not) have a uid/gid allocation|No uid/gid allocation configured|have a functional idmap setup`)

// failureRules find the reason in the API's error or the container's lxc.log. The first match
// counts.
var failureRules = []rule{
	// The parser's error for a policy namespace that LXD may not manage (AppArmor:
	// parser/parser_interface.c, print_error, for EACCES; Debian 13's wording, then Debian
	// 12's), and liblxc's error for a profile that it cannot change to.
	{idmap.ProfileRefused, regexp.MustCompile(`apparmor_parser .*(?:Access denied|attempted to load a profile while confined)|Failed to change AppArmor profile to|Already AppArmor confined, but new label requested`)},
	// LXD's errors about restrictions and limits of a project (LXD:
	// lxd/project/permissions.go).
	{idmap.ProjectForbids, regexp.MustCompile(`of project ".*": .* (is|are) forbidden|in project ".*" is forbidden|of project ".*" is forbidden`)},
	{idmap.ProjectLimit, regexp.MustCompile(`Reached maximum (number of instances|aggregate value)|in project ".*" has no ".*" config`)},
	{idmap.ConfigRefused, regexp.MustCompile(`Invalid value for (uint32|a boolean|an integer)|configured to only allow unprivileged containers|` +
		`loading config file for the container failed|` + // liblxc does not know a line of raw.lxc
		`security\.idmap\.base can't be used with security\.idmap\.isolated`)}, // Incus 7.0.2
	{idmap.RawIDMapOverlaps, regexp.MustCompile(`Host (id|ID) is in the range of subids`)},
	{idmap.RawIDMapMalformed, regexp.MustCompile(`Invalid ID [Mm]ap (line|type|range)|ID map ranges are of different sizes|Failed initiali[sz]ing instance: strconv\.Parse`)},
	{idmap.IsolatedExhausted, regexp.MustCompile(`Not enough uid/gid available for the container`)},
	{idmap.ImageIDsUnmapped, regexp.MustCompile(`Failed (to change|changing) ACLs on`)},
	{idmap.MapInvalid, regexp.MustCompile(`Invalid argument - Failed to write [ug]id mapping|new[ug]idmap: write to [ug]id_map failed: Invalid argument|Too many [ug]id mappings defined|Failed to set LXC config: lxc\.idmap|new[ug]idmap: sub[ug]id overflow detect`)},
	{idmap.DepthLimit, regexp.MustCompile(`No space left on device - Failed to clone a new set of namespaces`)},
	{idmap.UserNSDenied, regexp.MustCompile(`(Operation not permitted|Permission denied) - Failed to clone a new set of namespaces`)},
	// newuidmap prints nothing if the subid file is missing (shadow 4.17).
	{idmap.ShadowRefused, regexp.MustCompile(`new[ug]idmap: [ug]id range \[|new[ug]idmap failed to write mapping ""`)},
	{idmap.UIDGIDDisagree, regexp.MustCompile(`Invalid argument - Failed to switch to [ug]id 0`)},
	{idmap.NestingNotAllowed, regexp.MustCompile(`Failed to mount "(proc|sysfs)" on|Permission denied - Failed to mount ".*/rootfs" onto|Does security\.nesting need to be turned on`)},
	{idmap.CgroupUnsupported, regexp.MustCompile(`Failed to mount cgroups|unsupported cgroup layout|Unsupported CGroup setup|` +
		`No space left on device - Failed to enter cgroup`)}, // a v1 cpuset without processors (man 7 cpuset)
	{idmap.OutsideParent, regexp.MustCompile(`Failed (to change|changing) ownership of|` +
		`Operation not permitted - Failed to write [ug]id mapping|new[ug]idmap: write to [ug]id_map failed: Operation not permitted`)},
	// LXD and Incus: db/schema/schema.go.
	{idmap.DatabaseNewer, regexp.MustCompile(`schema version '\d+' is more recent than expected '\d+'`)},
	{idmap.NotOnBtrfs, regexp.MustCompile(`path does not reside on a btrfs filesystem`)},
	{idmap.DiskFull, regexp.MustCompile(`(?i)no space left on device|disk quota exceeded|run out of disk space`)},
	// If LXD dies during an operation, its client sees only a closed connection.
	{idmap.DaemonDied, regexp.MustCompile(`its init is gone|LXD ended at its start|websocket: close 1006|connect: connection refused|connection reset by peer|: (unexpected )?EOF$`)},
}

// Evidence is everything that a failure left in the logs.
type Evidence struct {
	DaemonLog    string // log of the LXD that created the level
	DaemonErrors string // the error lines of DaemonLog
	LXCLog       string // the container's lxc.log
	IDMap        string // volatile.idmap.next: the map that LXD tried, as JSON
}

// oneSided reports whether LXD tried to map only uids or only gids. The files of the image
// decide where that fails: at the first file whose owner or ACL cannot be changed, or else when
// liblxc becomes the container's root.
func (e Evidence) oneSided() bool {
	var entries []struct{ Isuid, Isgid bool }
	if json.Unmarshal([]byte(e.IDMap), &entries) != nil || len(entries) == 0 {
		return false
	}
	var uid, gid bool
	for _, entry := range entries {
		uid, gid = uid || entry.Isuid, gid || entry.Isgid
	}
	return uid != gid
}

// Reason returns the reason of a failure and the log lines that show it.
func Reason(err error, e Evidence) (idmap.Reason, []string) {
	text := err.Error()
	if noIDs.MatchString(text) {
		for _, r := range daemonRules {
			if line := Find(r.words, e.DaemonLog); line != "" {
				return r.reason, []string{line}
			}
		}
		return idmap.NoAllocation, nil
	}
	if e.oneSided() {
		return idmap.UIDGIDDisagree, []string{"volatile.idmap.next: " + e.IDMap}
	}
	for _, r := range failureRules {
		if line := Find(r.words, e.LXCLog); line != "" {
			return r.reason, []string{line}
		}
		if r.words.MatchString(text) {
			return r.reason, nil
		}
	}
	if line := Find(cutError, e.LXCLog); line != "" {
		return cutReason(line), []string{line}
	}
	if errors.Is(err, wait.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return idmap.TimedOut, append(excerpt.Tail(e.LXCLog, 3), excerpt.Tail(e.DaemonErrors, 3)...)
	}
	return idmap.Unclassified, append(excerpt.Tail(e.LXCLog, 5), excerpt.Tail(e.DaemonLog, 5)...)
}

// cutError matches an error of newuidmap without the kernel's reason, and the map that was refused:
// inside, parent, count. liblxc reads once, and newuidmap may not have written everything by then:
// with Debian sid's, "write to uid_map faile" was all.
var cutError = regexp.MustCompile(`"new[ug]idmap: write to [ug]id_map[^":]*": new[ug]idmap \d+((?: \d+ \d+ \d+)+)`)

// cutReason returns the reason of a line that cutError matches. The kernel refuses a map that is
// wrong in itself, or one with ids that the parent does not have.
func cutReason(line string) idmap.Reason {
	var m []idmap.Mapping
	for numbers := range slices.Chunk(strings.Fields(cutError.FindStringSubmatch(line)[1]), 3) {
		var n [3]uint32
		for i, text := range numbers {
			v, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return idmap.MapInvalid // no id has more than 32 bits
			}
			n[i] = uint32(v)
		}
		m = append(m, idmap.Mapping{Inside: n[0], Parent: n[1], Count: n[2]})
	}
	if idmap.Accept(idmap.Identity().UID, m) != nil {
		return idmap.MapInvalid
	}
	return idmap.OutsideParent
}

// Find returns the first line of a log that matches, without the space around it, or "".
func Find(words *regexp.Regexp, log string) string {
	for line := range strings.Lines(log) {
		if words.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
