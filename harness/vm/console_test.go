package vm

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAConsoleShowsWhyAGuestEnded(t *testing.T) {
	for wanted, said := range map[string]string{
		"nothing":               "",
		"[  OK  ] Started cron": "[\x1b[0;32m  OK  \x1b[0m] Started cron\r\n\r\n",
		"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)": "[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n" +
			"[    1.3] CPU: 0 PID: 1 Comm: swapper/0\r\n[    1.4] Rebooting in 1 seconds..\r\n",
		"Out of memory: Killed process 512 (lxd)": "[ 20.1] Out of memory: Killed process 512 (lxd)\n[ 20.2] and more\n",
		"tar: program: Cannot write: No space left on device": "tar: program: Cannot write: No space left on device\n" +
			"[FAILED] Failed to start nestbed.service - The program that this machine is for.\n[  OK  ] Reached target\n",
		"qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory": "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory\n",
	} {
		c := &console{}
		_, err := c.Write([]byte(said))
		require.NoError(t, err)
		assert.Equal(t, wanted, c.reason())
	}
}

func TestAConsoleKeepsItsEndAndForwardsEverything(t *testing.T) {
	var all bytes.Buffer
	c := &console{to: &all}
	line := strings.Repeat("x", 99) + "\n"
	for range 4 * consoleKept / len(line) {
		_, err := c.Write([]byte(line))
		require.NoError(t, err)
	}
	_, err := c.Write([]byte("the end\n"))
	require.NoError(t, err)
	assert.True(t, c.contains("the end"))
	assert.LessOrEqual(t, len(c.text), 2*consoleKept)
	assert.Equal(t, 4*consoleKept/len(line)*len(line)+len("the end\n"), all.Len())
}
