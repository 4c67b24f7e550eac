package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheIDOfAProcessIsThatInTheInnermostNamespace(t *testing.T) {
	for lines, want := range map[string]string{
		"NSpid:\t1\n":                "1",
		"NSpid:\t4711\t1\n":          "1",
		"NSpid:\t4711\t300\t20\t1\n": "1",
		"NSpid:\t1\t2\n":             "2", // the machine's own init is seen from nowhere
		"NSpid:\t4711\n":             "4711",
		"NSpid:\t4711\t11\n":         "11",
		"NSpid:\t\n":                 "",
		"":                           "",
		"NSpgid:\t4711\t1\n":         "",
		"NStgid:\t4711\t1\n":         "",
		"VmSize:\t1\n":               "",
	} {
		assert.Equal(t, want, parseStatus("", "Name:\tinit\nPid:\t1\n"+lines+"Threads:\t1\n").innermost(), "%q", lines)
	}
}

func TestAParentIsReadFromTheStatus(t *testing.T) {
	assert.Equal(t, "42", parseStatus("", "Name:\tx\nPPid:\t42\nNSpid:\t1\n").parent)
	assert.Empty(t, parseStatus("", "Name:\tx\n").parent)
}

func TestAProcessIsToldByItsStatus(t *testing.T) {
	p := parseStatus("7", "Name:\tlxd\nState:\tT (stopped)\nUid:\t1\t500000\t1\t1\nNSpid:\t31000\t12\nKthread:\t0\nGroups:\t \n")
	assert.Equal(t, process{pid: "7", state: "stopped", name: "lxd", uid: 500000, pids: []string{"31000", "12"}}, p)
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: lxd --logfile /x", p.describe(500000, "lxd\x00--logfile\x00/x\x00"))
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: [lxd]", p.describe(500000, ""))
}
