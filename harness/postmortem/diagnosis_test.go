package postmortem

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// one returns a mapping of one line.
func one(parent, count uint32) []idmap.Mapping {
	return []idmap.Mapping{{Parent: parent, Count: count}}
}

func both(uid, gid []idmap.Mapping) idmap.Map { return idmap.Map{UID: uid, GID: gid} }

func TestTheMapTableMarksDifferencesFromThePlan(t *testing.T) {
	first := idmap.PlannedLevel{Level: 1, Map: both(one(500000, 131072), one(500000, 131072)), Host: both(one(500000, 131072), one(500000, 131072))}
	second := idmap.PlannedLevel{Level: 2, Map: both(one(65536, 65536), one(65536, 65536)), Host: both(one(565536, 65536), one(565536, 65536))}
	other := second
	other.Map.GID, other.Host.GID = one(1, 2), one(500001, 2)
	third := idmap.PlannedLevel{Level: 3, Map: second.Map, Host: second.Host}
	d := &Diagnosis{
		Plan: idmap.Plan{Levels: []idmap.PlannedLevel{first, second, third}},
		Seen: map[int]idmap.PlannedLevel{1: first, 2: other}, Unseen: map[int]error{4: errors.New("no such\nprocess")},
	}
	assert.Equal(t, strings.Split(strings.Trim(`
                  planned                          |    seen
  level      ids   inside  parent    host   count  |  inside  parent    host   count
      1  uid+gid        0  500000  500000  131072  |       0  500000  500000  131072
      2      uid        0   65536  565536   65536  |       0   65536  565536   65536
      2      gid        0   65536  565536   65536  |       0       1  500001       2  <- differs
      3  uid+gid        0   65536  565536   65536  |       -       -       -       -  <- not up
      4  uid+gid        -       -       -       -  |       -       -       -       -  not read: no such process`, "\n"), "\n"), d.MapTable())
}

func TestAnUnreadablePartSaysWhyAndHidesNoOther(t *testing.T) {
	d := &Diagnosis{Host: "h", Facts: "facts", Allocation: "root:1:2", Places: []Place{{Name: "host", Parts: []Part{
		{Title: "first", Err: errors.New("timed\nout")},
		{Title: "second", Text: "a\nb\n"},
		{Title: "third"},
		{Title: "fourth", Text: "half", Err: errors.New("the rest")},
	}}}, Stop: &harness.LevelError{Stop: idmap.Stop{Level: 1, Op: idmap.OpStart, Reason: idmap.Unclassified}, Err: errors.New("so"), Evidence: []string{"line"}}}
	text := d.String()
	assert.Contains(t, text, "level 0, host\n  first: not read: timed out\n  second:\n    a\n    b\n  third: none\n  fourth:\n    half\n    not read: the rest\n")
	assert.Contains(t, text, "stop found:   level 1, start: unclassified\n  so\n  log: line\n")
	names := []string{}
	for _, f := range d.Files() {
		names = append(names, f.Name)
	}
	assert.Equal(t, []string{"diagnosis.txt", "plan.json", "outcome.json"}, names)
}

func TestAConfigurationLeavesOutLXDsOwnNotes(t *testing.T) {
	c := api.Instance{
		Status: "Stopped",
		ExpandedConfig: map[string]string{
			"security.nesting": "true", "user.x": "a\nb", "image.os": "y", "volatile.uuid": "z", "volatile.eth0.hwaddr": "h",
			"volatile.idmap.next": "[]", "volatile.last_state.power": "RUNNING",
		},
		ExpandedDevices: map[string]map[string]string{"root": {"type": "disk", "path": "/"}},
	}
	assert.Equal(t, "state: Stopped\nsecurity.nesting: true\nuser.x: \"a\\nb\"\nvolatile.idmap.next: []\nvolatile.last_state.power: RUNNING\ndevice root: path=/ type=disk",
		describeConfig(c))
}

func TestKeysAndCertificatesAreLeftOut(t *testing.T) {
	const begin, end = "-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----"
	assert.Equal(t, "a [a key or certificate, left out] b [a key or certificate, left out]", withoutSecrets("a "+begin+"\nMIGk\n"+end+" b "+begin+"\\nMIGk cut"))
	assert.Equal(t, "BEGIN the day", withoutSecrets("BEGIN the day"))
	d := &Diagnosis{Places: []Place{{Parts: []Part{{Title: "x", Text: begin + "\nMIGk\n" + end}}}}}
	assert.NotContains(t, d.String(), "MIGk")
}

func TestHierarchiesWithTheSamePathAreOneLine(t *testing.T) {
	assert.Equal(t, "/a (cpu,cpuacct memory v2)\n/b (name=systemd)", joinCgroups("4:cpu,cpuacct:/a\n3:memory:/a\n1:name=systemd:/b\n0::/a\n"))
}

func TestOnlyStandardErrorThatIsNotInTheLogIsReported(t *testing.T) {
	assert.Equal(t, "panic: x\n", notLogged("one\npanic: x\n", "one\ntwo\n"))
}

func TestParentIDsAreFoundFromHostIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent := both(one(rapid.Uint32Range(0, 1000).Draw(t, "at"), 500), one(rapid.Uint32Range(0, 1000).Draw(t, "gids at"), 500))
		m := both(one(rapid.Uint32Range(0, 400).Draw(t, "uid"), 100), one(rapid.Uint32Range(0, 400).Draw(t, "gid"), 100))
		assert.Equal(t, m, parentIDs(m.Compose(parent), parent))
	})
}

func TestAHangingReadIsAbandoned(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	forever := make(chan bool)
	defer close(forever)
	late := errors.New("too late")
	cancel(late)
	_, err := read(ctx, func() (bool, error) { return <-forever, nil })
	require.ErrorIs(t, err, late)
}

func TestAChainThatWasNotBuiltIsDiagnosed(t *testing.T) {
	var c *harness.Chain
	assert.Equal(t, "no chain was built\n", Diagnose(t.Context(), c).String())
}
