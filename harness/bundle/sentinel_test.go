package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// emptySentinel returns a file of this process's own, like a sentinel that has lost everything.
func emptySentinel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

// setXattr sets an extended attribute. It skips the test if this process is not allowed to.
func setXattr(t *testing.T, path, name string, value []byte) {
	t.Helper()
	err := unix.Lsetxattr(path, name, value, 0)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		t.Skipf("this process cannot set %s here: %v", name, err)
	}
	require.NoError(t, err)
}

// newSentinel returns the path of a sentinel as it is in a bundle.
func newSentinel(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for files of several owners")
	}
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(SentinelPath)), 0o755))
	err := writeSentinel(openRoot(t, root))
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		t.Skip("this root cannot set the sentinel's attributes: ", err)
	}
	require.NoError(t, err)
	return filepath.Join(root, SentinelPath)
}

// acl returns an access control list in the kernel's format that names a user and a group.
func acl(user, group uint32) []byte {
	return encode(uint32(2), []aclEntry{
		{0x01, 6, 1<<32 - 1}, {0x02, 4, user}, {0x04, 4, 1<<32 - 1}, {0x08, 6, group}, {0x10, 6, 1<<32 - 1}, {0x20, 0, 1<<32 - 1},
	})
}

func TestEncodeWritesTheKernelsFormat(t *testing.T) {
	// linux/posix_acl_xattr.h: a version, then the tag, permissions and id of each entry,
	// little-endian.
	assert.Equal(t, []byte{
		0x02, 0x00, 0x00, 0x00,
		0x02, 0x00, 0x04, 0x00, 0xe8, 0x03, 0x00, 0x00,
		0x20, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
	}, encode(uint32(aclVersion), []aclEntry{{aclUser, 4, 1000}, {0x20, 0, aclAnyone}}))
	// linux/capability.h: cap_net_raw is number 13.
	assert.Equal(t, []byte{
		0x01, 0x00, 0x00, 0x02, 0x00, 0x20, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	}, encode([]uint32{capsRevision2 | capsEffective, capsNetRaw, 0, 0, 0}))
	assert.Empty(t, encode())
}

func TestTheSentinelIsReadAsItWasMade(t *testing.T) {
	path := newSentinel(t)
	s, err := ReadSentinel(path)
	require.NoError(t, err)
	assert.Equal(t, Sentinel{UID: 65535, GID: 65535, HasCaps: true}, s)
	assert.Equal(t, OriginalSentinel(), s)
}

func TestASentinelWithAnotherOwnerShowsItAndItsLostCapability(t *testing.T) {
	path := newSentinel(t)
	require.NoError(t, os.Chown(path, 65534, 1000)) // the kernel drops the capability
	s, err := ReadSentinel(path)
	require.NoError(t, err)
	assert.Equal(t, Sentinel{UID: 65534, GID: 1000}, s)
}

func TestACapabilityOfAnotherRootNamesThatRoot(t *testing.T) {
	path := newSentinel(t)
	setXattr(t, path, "security.capability", encode([]uint32{0x03000001, 1 << 13, 0, 0, 0, 500}))
	s, err := ReadSentinel(path)
	require.NoError(t, err)
	assert.True(t, s.HasCaps)
	assert.EqualValues(t, 500, s.CapsRoot)
}

func TestAnotherCapabilityThanTheSentinelsIsAnError(t *testing.T) {
	for name, words := range map[string][]uint32{
		"not effective":        {0x02000000, 1 << 13, 0, 0, 0},
		"cap_chown":            {0x02000001, 1 << 0, 0, 0, 0},
		"cap_net_raw and more": {0x02000001, 1<<13 | 1, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := newSentinel(t)
			setXattr(t, path, "security.capability", encode(words))
			_, err := ReadSentinel(path)
			require.ErrorContains(t, err, "sentinel: security.capability is ")
			assert.ErrorContains(t, err, ", expected cap_net_raw+ep")
		})
	}
}

func TestAFileWithoutACapabilityIsStillASentinel(t *testing.T) {
	path := emptySentinel(t)
	s, err := ReadSentinel(path)
	require.NoError(t, err)
	assert.Equal(t, Sentinel{UID: uint32(os.Geteuid()), GID: gidOf(t, path)}, s)
}

func gidOf(t *testing.T, path string) uint32 {
	t.Helper()
	var stat unix.Stat_t
	require.NoError(t, unix.Lstat(path, &stat))
	return stat.Gid
}

func TestTheACLIsReadAsItWasMade(t *testing.T) {
	value := make([]byte, 128)
	n, err := unix.Lgetxattr(newSentinel(t), XattrACL, value)
	require.NoError(t, err)
	got, err := ParseACL(value[:n])
	require.NoError(t, err)
	assert.Equal(t, OriginalACL(), got)
	assert.Equal(t, ACL{User: 1000, Group: 65534}, got)
}

func TestTheUserAndGroupOfAnACLAreParsed(t *testing.T) {
	got, err := ParseACL(acl(4711, 4712))
	require.NoError(t, err)
	assert.Equal(t, ACL{User: 4711, Group: 4712}, got)
}

func TestAnInvalidACLIsAnError(t *testing.T) {
	whole := acl(1000, 65534)
	for name, value := range map[string][]byte{
		"nothing": nil, "half a version": whole[:2], "cut in an entry": whole[:len(whole)-3], "another version": encode(uint32(3)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseACL(value)
			assert.ErrorContains(t, err, "expected an access control list of version 2")
		})
	}
}

func TestAMissingSentinelIsAnError(t *testing.T) {
	_, err := ReadSentinel(filepath.Join(t.TempDir(), "sentinel"))
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "sentinel: ")
}
