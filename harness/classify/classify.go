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
	if noIDs[0].matches(text) {
		for _, r := range daemonRules {
			if line := r.findLine(e.DaemonLog); line != "" {
				return r.reason, []string{line}
			}
		}
		return idmap.NoAllocation, nil
	}
	if e.oneSided() {
		return idmap.UIDGIDDisagree, []string{"volatile.idmap.next: " + e.IDMap}
	}
	for _, r := range failureRules {
		if line := r.findLine(e.LXCLog); line != "" {
			return r.reason, []string{line}
		}
		if r.matches(text) {
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
