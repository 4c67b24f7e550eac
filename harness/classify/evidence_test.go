package classify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

func TestAnLXDWithoutIDsIsClassifiedByItsOwnLog(t *testing.T) {
	const quoted = `level=warning msg="Error reading default uid/gid map" err="Unexpected values in \"/etc/subuid\": [\"root:65536\"]"`
	for line, reason := range map[string]idmap.Reason{
		quoted: idmap.SubIDMalformed,
		`level=warning msg="Error reading default uid/gid map" err=Unexpected values in "/etc/subgid": ["x"]`: idmap.SubIDMalformed,
		`level=error msg="Unable to parse system idmap" err="invalid"`:                                        idmap.SubIDMalformed,
		`level=error msg="Unable to parse system idmap" err="No map found for user"`:                          idmap.NoAllocation,
		`level=error msg="Unable to parse system idmap" err="Unexpected values in \"/etc/subgid\": [\"a\"]"`:  idmap.SubIDMalformed,
		`level=warning msg="One or more uid/gid map entry isn't usable (typically due to nesting)"`:           idmap.OutsideParent,
		`level=warning msg="One or more uid/gid map entry is not usable (typically due to nesting)"`:          idmap.OutsideParent,
		`level=warning msg="No available uid/gid map could be found"`:                                         idmap.NoAllocation,
		`level=warning msg="No valid subuid/subgid map, only privileged containers will be functional"`:       idmap.NoAllocation,
		`level=warning msg="Not enough uid/gid available, only privileged containers will be functional"`:     idmap.NoAllocation,
	} {
		for _, said := range []string{oldNoIDs, newNoIDs, incusNoIDs, incusNoIDsAtStart, incus60NoIDs} {
			e := Evidence{DaemonLog: "level=info msg=\"LXD is starting\"\n" + line + "\n" + onlyPrivileged + "\n", LXCLog: lxcLog("x")}
			got, lines := Reason(errors.New(said), e)
			assert.Equal(t, reason, got, "%s\n%s", said, line)
			assert.Equal(t, []string{line}, lines)
		}
	}
}

func TestAnLXDWithoutIDsAndWithoutALogHasNoAllocation(t *testing.T) {
	for _, log := range []string{"", onlyPrivileged + "\n"} {
		reason, lines := Reason(errors.New(newNoIDs), Evidence{DaemonLog: log})
		assert.Equal(t, idmap.NoAllocation, reason)
		assert.Empty(t, lines)
	}
}

func TestADaemonLogDoesNotExplainOtherFailures(t *testing.T) {
	// An LXD at the last possible level logs this at its start, no matter what fails later.
	e := Evidence{DaemonLog: `msg="No available uid/gid map could be found"`, LXCLog: lxcLog("x")}
	reason, _ := Reason(errors.New(oldStart), e)
	assert.Equal(t, idmap.Unclassified, reason)
}

func TestConsequencesOfAFailureDoNotChangeItsReason(t *testing.T) {
	depth := lxcLog("No space left on device - Failed to clone a new set of namespaces")
	for _, other := range []string{"Disk quota exceeded", "no space left on device", "Failed to mount cgroups"} {
		for _, log := range []string{depth + other, other + "\n" + depth} {
			reason, lines := Reason(errors.New(oldStart+": "+other), Evidence{LXCLog: log})
			assert.Equal(t, idmap.DepthLimit, reason, other)
			assert.Len(t, lines, 1)
		}
	}
}

func TestAMapOfOnlyUIDsOrOnlyGIDsIsTheReasonWhereverItFails(t *testing.T) {
	entry := func(uid, gid bool) string {
		return fmt.Sprintf(`{"Isuid":%t,"Isgid":%t,"Hostid":65536,"Nsid":0,"Maprange":65536}`, uid, gid)
	}
	uid, gid, both := entry(true, false), entry(false, true), entry(true, true)
	said := errors.New("Failed to handle idmapped storage: Failed to change ownership of: /x")
	for idmapJSON, reason := range map[string]idmap.Reason{
		"[" + uid + "]":             idmap.UIDGIDDisagree,
		"[" + gid + "]":             idmap.UIDGIDDisagree,
		"[" + uid + "," + uid + "]": idmap.UIDGIDDisagree,
		"[" + uid + "," + gid + "]": idmap.OutsideParent,
		"[" + both + "]":            idmap.OutsideParent,
		"[]":                        idmap.OutsideParent,
		"":                          idmap.OutsideParent,
		"[{":                        idmap.OutsideParent,
	} {
		got, lines := Reason(said, Evidence{IDMap: idmapJSON})
		assert.Equal(t, reason, got, idmapJSON)
		if reason == idmap.UIDGIDDisagree {
			assert.Equal(t, []string{"volatile.idmap.next: " + idmapJSON}, lines)
		}
	}
	got, _ := Reason(errors.New(newNoIDs), Evidence{IDMap: "[" + uid + "]"})
	assert.Equal(t, idmap.NoAllocation, got, "without ids LXD maps none")
}

func TestAnUnclassifiedFailureQuotesTheEndOfBothLogs(t *testing.T) {
	e := Evidence{LXCLog: "l1\nl2\nl3\nl4\nl5\nl6\n\n", DaemonLog: "d1\nd2\n"}
	reason, lines := Reason(errors.New("Failed to frobnicate"), e)
	assert.Equal(t, idmap.Unclassified, reason)
	assert.Equal(t, []string{"l2", "l3", "l4", "l5", "l6", "d1", "d2"}, lines)

	reason, lines = Reason(errors.New("Failed to frobnicate"), Evidence{LXCLog: " \n"})
	assert.Equal(t, idmap.Unclassified, reason)
	assert.Empty(t, lines, "an empty log has no lines to quote")
}

func TestBenignErrorsOfLiblxcAreIgnored(t *testing.T) {
	// On some machines every start logs these, even if it succeeds.
	for _, said := range []string{oldStart, newStart} {
		reason, lines := Reason(errors.New(said), Evidence{LXCLog: lxcLog("something new")})
		assert.Equal(t, idmap.Unclassified, reason)
		assert.Len(t, lines, 5)
		assert.Contains(t, strings.Join(lines, "\n"), "something new")
	}
}

func TestAWaitThatRanOutIsATimeoutUnlessTheLogSaysMore(t *testing.T) {
	e := Evidence{LXCLog: "l1\nl2\nl3\nl4", DaemonErrors: "d1\nd2\nd3\nd4"}
	expired := wait.For(t.Context(), "wait for LXD to answer", time.Nanosecond, func(context.Context) error {
		return errors.New("connection refused")
	})
	for _, err := range []error{expired, fmt.Errorf("ready: %w", expired), fmt.Errorf("x: %w", context.DeadlineExceeded)} {
		reason, lines := Reason(err, e)
		assert.Equal(t, idmap.TimedOut, reason)
		assert.Equal(t, []string{"l2", "l3", "l4", "d2", "d3", "d4"}, lines)
	}
	reason, _ := Reason(expired, Evidence{LXCLog: "write /var/lib/lxd/database: no space left on device"})
	assert.Equal(t, idmap.DiskFull, reason)
}
