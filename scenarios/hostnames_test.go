package scenarios_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/trust"
)

// hostNames records, with inotify, the names of all entries made in a state root. Every host has
// an entry there under its name. Hosts of other state roots, such as those of other containers on
// this machine, do not.
type hostNames struct{ queue int }

func watchHostNames(stateRoot string) (hostNames, error) {
	if err := trust.Make(stateRoot, 0o700); err != nil {
		return hostNames{}, err
	}
	queue, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return hostNames{}, err
	}
	if _, err := unix.InotifyAddWatch(queue, stateRoot, unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		return hostNames{}, errors.Join(fmt.Errorf("watch %s: %w", stateRoot, err), unix.Close(queue))
	}
	return hostNames{queue}, nil
}

// end ends the watch and returns the names. It fails if they do not all fit in the kernel's queue,
// which holds 16384 by default (man 7 inotify).
func (n hostNames) end() (map[string]bool, error) {
	defer unix.Close(n.queue)
	names := map[string]bool{}
	buffer := make([]byte, 1<<16)
	for {
		size, err := unix.Read(n.queue, buffer)
		if errors.Is(err, unix.EAGAIN) {
			return names, nil
		} else if err != nil {
			return nil, fmt.Errorf("names of hosts: %w", err)
		}
		for events := buffer[:size]; len(events) > 0; {
			mask, length := binary.NativeEndian.Uint32(events[4:]), binary.NativeEndian.Uint32(events[12:])
			if mask&unix.IN_Q_OVERFLOW != 0 {
				return nil, errors.New("names of hosts: too many for the kernel's queue; raise fs.inotify.max_queued_events")
			}
			end := unix.SizeofInotifyEvent + int(length)
			names[strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")] = true
			events = events[end:]
		}
	}
}

func TestHostNamesAreTheEntriesOfTheStateRoot(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "before"), 0o700))
	names, err := watchHostNames(root)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(root, "new-1"), 0o700))
	require.NoError(t, os.Rename(filepath.Join(root, "new-1"), filepath.Join(root, "1")))
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(root, "2")))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "1")))
	seen, err := names.end()
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"new-1": true, "1": true, "2": true}, seen)
}
