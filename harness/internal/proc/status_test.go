package proc

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const whole = "Name:\tlxd\nState:\tT (stopped)\nPPid:\t42\nUid:\t1\t500000\t1\t1\nGid:\t1\t500001\t1\t1\nGroups:\t \n" +
	"NSpid:\t31000\t12\nNSpgid:\t4711\t1\nKthread:\t0\nCapEff:\t0000000000000400\nCapBnd:\t000001ffffffffff\n"

func TestParseStatusReadsEveryField(t *testing.T) {
	s, err := ParseStatus(whole)
	require.NoError(t, err)
	assert.Equal(t, Status{
		Name: "lxd", State: "stopped", UID: 500000, GID: 500001, Parent: "42", PIDs: []string{"31000", "12"}, Effective: 1 << 10, Bounding: 1<<41 - 1,
	}, s)
	assert.Equal(t, "12", s.Innermost())
	assert.Empty(t, Status{}.Innermost())
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: lxd --logfile /x", s.Describe("7", 500000, "lxd\x00--logfile\x00/x\x00"))
	assert.Equal(t, "pid 7, uid 500000 on the host, stopped: [lxd]", s.Describe("7", 500000, ""))
}

func TestAStatusWithoutALineOrWithAnotherContentIsAnError(t *testing.T) {
	for line := range strings.Lines(whole) {
		key, _, _ := strings.Cut(line, ":")
		_, err := ParseStatus(strings.Replace(whole, line, "", 1))
		switch key {
		case "Groups", "NSpgid", "Kthread":
			require.NoError(t, err, key)
		default:
			require.ErrorContains(t, err, "expected a line "+key)
		}
	}
	for from, to := range map[string]string{"500000": "x", "500001\t1\t1": "500001", "0000000000000400": "z"} {
		_, err := ParseStatus(strings.Replace(whole, from, to, 1))
		require.ErrorContains(t, err, "process status: line")
	}
}

func TestFilesOfTheKernelCanBeParsed(t *testing.T) {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	s, err := ParseStatus(string(status))
	require.NoError(t, err)
	assert.Equal(t, uint32(os.Geteuid()), s.UID)
	stat, err := os.ReadFile("/proc/self/stat")
	require.NoError(t, err)
	start, err := ParseStart(stat)
	require.NoError(t, err)
	assert.Positive(t, start)
}

func TestAStartTimeIsFoundAfterAnyName(t *testing.T) {
	fields := strings.Repeat("1 ", startField) + "4711 2 3"
	start, err := ParseStart([]byte("7 (a) b) (c) " + fields))
	require.NoError(t, err)
	assert.Equal(t, uint64(4711), start)
	for _, text := range []string{"", "7 (x) S 1 2", "7 (x) " + strings.Replace(fields, "4711", "x", 1)} {
		_, err = ParseStart([]byte(text))
		require.ErrorContains(t, err, "process stat: ")
	}
}

func FuzzStatus(f *testing.F) {
	f.Add(whole)
	f.Fuzz(func(_ *testing.T, text string) {
		s, err := ParseStatus(text)
		if err == nil {
			s.Innermost()
		}
		_, _ = ParseStart([]byte(text))
	})
}
