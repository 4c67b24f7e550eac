package proc

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
		assert.Equal(t, want, Parse("", "Name:\tinit\nPid:\t1\n"+lines+"Threads:\t1\n").Innermost(), "%q", lines)
	}
}

func TestAParentIsReadFromTheStatus(t *testing.T) {
	assert.Equal(t, "42", Parse("", "Name:\tx\nPPid:\t42\nNSpid:\t1\n").Parent)
	assert.Empty(t, Parse("", "Name:\tx\n").Parent)
}

func TestAProcessIsToldByItsStatus(t *testing.T) {
	p := Parse("7", "Name:\tlxd\nState:\tT (stopped)\nUid:\t1\t500000\t1\t1\nNSpid:\t31000\t12\nKthread:\t0\nGroups:\t \n")
	assert.Equal(t, Status{pid: "7", state: "stopped", name: "lxd", UID: 500000, PIDs: []string{"31000", "12"}}, p)
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: lxd --logfile /x", p.Describe(500000, "lxd\x00--logfile\x00/x\x00"))
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: [lxd]", p.Describe(500000, ""))
}
