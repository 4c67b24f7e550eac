package harness

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// rule finds a reason by the words of LXD, liblxc or the kernel. Both the old
// and the new spelling of LXD (since 6.8: "does not" for "doesn't", "Failed
// X-ing" for "Failed to X") and Incus's own must match.
type rule struct {
	reason idmap.Reason
	words  *regexp.Regexp
}

// daemonRules tell, by the log that a LXD wrote at its start, why it has no idmap to give (LXD:
// idmap/idmapset_linux.go; Incus: internal/server/sys/os.go, which calls it a failure to parse, too, that root has no line).
var daemonRules = []rule{
	{idmap.NoAllocation, regexp.MustCompile(`Unable to parse system idmap.*No map found for user`)},
	{idmap.SubIDMalformed, regexp.MustCompile(`Unexpected values in \\?"/etc/sub[ug]id|Unable to parse system idmap`)},
	{idmap.OutsideParent, regexp.MustCompile(`uid/gid map entry (isn't|is not) usable`)},
	{idmap.NoAllocation, regexp.MustCompile(`No available uid/gid map could be found|Not enough uid/gid available, only|No valid subuid/subgid map`)},
}

// noIDs is what the API says whatever the daemon log's reason is.
var noIDs = regexp.MustCompile(`LXD (doesn't|does not) have a uid/gid allocation|No uid/gid allocation configured|have a functional idmap setup`)

// failureRules tell by the API's error and the container's lxc.log; the first that matches counts.
var failureRules = []rule{
	// What the parser says of a namespace that is not the LXD's to manage (AppArmor: parser/parser_interface.c, print_error, for EACCES;
	// Debian 13's, then 12's), and liblxc of a profile that it cannot change to.
	{idmap.ProfileRefused, regexp.MustCompile(`apparmor_parser .*(?:Access denied|attempted to load a profile while confined)|Failed to change AppArmor profile to|Already AppArmor confined, but new label requested`)},
	// What a project says (LXD: lxd/project/permissions.go).
	{idmap.ProjectForbids, regexp.MustCompile(`of project ".*": .* (is|are) forbidden|in project ".*" is forbidden|of project ".*" is forbidden`)},
	{idmap.ProjectLimit, regexp.MustCompile(`Reached maximum (number of instances|aggregate value)|in project ".*" has no ".*" config`)},
	{idmap.ConfigRefused, regexp.MustCompile(`Invalid value for (uint32|a boolean|an integer)|configured to only allow unprivileged containers`)},
	{idmap.RawIDMapOverlaps, regexp.MustCompile(`Host (id|ID) is in the range of subids`)},
	{idmap.RawIDMapMalformed, regexp.MustCompile(`Invalid ID [Mm]ap (line|type|range)|ID map ranges are of different sizes|Failed initiali[sz]ing instance: strconv\.Parse`)},
	{idmap.IsolatedExhausted, regexp.MustCompile(`Not enough uid/gid available for the container`)},
	{idmap.ImageIDsUnmapped, regexp.MustCompile(`Failed (to change|changing) ACLs on`)},
	{idmap.MapInvalid, regexp.MustCompile(`Invalid argument - Failed to write [ug]id mapping|new[ug]idmap: write to [ug]id_map failed: Invalid argument|Too many [ug]id mappings defined|Failed to set LXC config: lxc\.idmap|new[ug]idmap: sub[ug]id overflow detected`)},
	{idmap.DepthLimit, regexp.MustCompile(`No space left on device - Failed to clone a new set of namespaces`)},
	{idmap.UserNSDenied, regexp.MustCompile(`(Operation not permitted|Permission denied) - Failed to clone a new set of namespaces`)},
	// Without a word where the subid file is missing (shadow 4.17).
	{idmap.ShadowRefused, regexp.MustCompile(`new[ug]idmap: [ug]id range \[.*\) -> \[.*\) not allowed|new[ug]idmap failed to write mapping ""`)},
	{idmap.UIDGIDDisagree, regexp.MustCompile(`Invalid argument - Failed to switch to [ug]id 0`)},
	{idmap.NestingNotAllowed, regexp.MustCompile(`Failed to mount "(proc|sysfs)" on|Permission denied - Failed to mount ".*/rootfs" onto|Does security\.nesting need to be turned on`)},
	{idmap.CgroupUnsupported, regexp.MustCompile(`Failed to mount cgroups|unsupported cgroup layout|Unsupported CGroup setup|` +
		`No space left on device - Failed to enter cgroup`)}, // a cpuset of v1 without processors (man 7 cpuset),
	{idmap.OutsideParent, regexp.MustCompile(`Failed (to change|changing) ownership of|` +
		`Operation not permitted - Failed to write [ug]id mapping|new[ug]idmap: write to [ug]id_map failed: Operation not permitted`)},
	{idmap.NotOnBtrfs, regexp.MustCompile(`path does not reside on a btrfs filesystem`)},
	{idmap.DiskFull, regexp.MustCompile(`(?i)no space left on device|disk quota exceeded|run out of disk space`)},
	// Of a LXD that ends in the middle of an operation its client sees the end of a connection.
	{idmap.DaemonDied, regexp.MustCompile(`its init is gone|LXD ended at its start|websocket: close 1006|connect: connection refused|connection reset by peer|: EOF$`)},
}

// evidence is what a failure left in the logs.
type evidence struct {
	daemonLog string // of the LXD that made the level
	lxcLog    string // of the container
	idmap     string // volatile.idmap.next: what LXD wanted to map, as JSON
}

// gather reads the logs of the LXD above. What cannot be read, or not soon as that LXD does not answer, is left out: the
// failure itself matters more.
func gather(ctx context.Context, above daemon, container string) evidence {
	var e evidence
	if log, err := above.Root().ReadFile("/var/log/lxd.log"); err == nil {
		e.daemonLog = string(log)
	}
	server, err := above.Root().Ask(ctx)
	if err != nil {
		return e
	}
	defer server.Disconnect()
	if r, err := server.GetInstanceLogfile(container, "lxc.log"); err == nil {
		log, _ := io.ReadAll(io.LimitReader(r, inroot.TextLimit))
		_ = r.Close()
		e.lxcLog = string(log)
	}
	if instance, _, err := server.GetInstance(container); err == nil {
		e.idmap = instance.Config["volatile.idmap.next"]
	}
	return e
}

// oneSided tells whether LXD wanted to map only uids or only gids. Where it then
// fails depends on the files of the image: at the first that it cannot give a new
// owner or ACL, else when liblxc becomes the container's root.
func (e evidence) oneSided() bool {
	var entries []struct{ Isuid, Isgid bool }
	if json.Unmarshal([]byte(e.idmap), &entries) != nil || len(entries) == 0 {
		return false
	}
	var uid, gid bool
	for _, entry := range entries {
		uid, gid = uid || entry.Isuid, gid || entry.Isgid
	}
	return uid != gid
}

// classify finds the reason of a failure and the lines that show it.
func classify(err error, e evidence) (idmap.Reason, []string) {
	text := err.Error()
	if noIDs.MatchString(text) {
		for _, r := range daemonRules {
			if line := find(r.words, e.daemonLog); line != "" {
				return r.reason, []string{line}
			}
		}
		return idmap.NoAllocation, nil
	}
	if e.oneSided() {
		return idmap.UIDGIDDisagree, []string{"volatile.idmap.next: " + e.idmap}
	}
	for _, r := range failureRules {
		if line := find(r.words, e.lxcLog); line != "" {
			return r.reason, []string{line}
		}
		if r.words.MatchString(text) {
			return r.reason, nil
		}
	}
	if errors.Is(err, wait.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return idmap.TimedOut, append(tail(e.lxcLog, 3), tail(reach.ErrorLines(e.daemonLog), 3)...)
	}
	return idmap.Unclassified, append(tail(e.lxcLog, 5), tail(e.daemonLog, 5)...)
}

func find(words *regexp.Regexp, log string) string {
	for line := range strings.Lines(log) {
		if words.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func tail(log string, n int) []string {
	if strings.TrimSpace(log) == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[max(0, len(lines)-n):]
}
