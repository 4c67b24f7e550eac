package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SentinelPath is where the sentinel stands in every bundle. LXD ignores what
// unsquashfs and tar complain of inside a user namespace (LXD:
// lxd/archive/archive.go), so a level can come up with its owners lost; the
// sentinel shows it.
const SentinelPath = "/usr/lib/nestbed/sentinel"

// Sentinel is what the sentinel file carries, in ids of whoever looks at it.
type Sentinel struct {
	UID, GID uint32
	// ACLUser and ACLGroup are the ids that its access control list names (man 5 acl).
	ACLUser, ACLGroup uint32
	// HasCaps tells whether it still has its file capability, cap_net_raw;
	// CapsRoot is the id of the root for whom that counts (man 7 capabilities,
	// namespaced file capabilities).
	HasCaps  bool
	CapsRoot uint32
}

// AsMade is the sentinel as it is put into a bundle: the last id of a block,
// and two ids that differ from it and from root.
var AsMade = Sentinel{UID: 65535, GID: 65535, ACLUser: 1000, ACLGroup: 65534, HasCaps: true}

// The extended attributes of the sentinel and their layout (linux/posix_acl_xattr.h, linux/capability.h).
const (
	xattrACL  = "system.posix_acl_access"
	xattrCaps = "security.capability"

	aclVersion = 2
	aclUser    = 0x02
	aclGroup   = 0x08
	aclAnyone  = 1<<32 - 1

	capsRevision2 = 0x02000000
	capsRevision3 = 0x03000000 // with the id of its root
	capsEffective = 1
	capsNetRaw    = 1 << 13
)

type aclEntry struct {
	Tag, Perm uint16
	ID        uint32
}

func writeSentinel(root string) error {
	path := filepath.Join(root, SentinelPath)
	if err := os.WriteFile(path, []byte("ownership survived\n"), 0o600); err != nil {
		return err
	}
	// u::rw-,u:1000:r--,g::r--,g:65534:rw-,m::rw-,o::---
	acl := []aclEntry{
		{0x01, 6, aclAnyone},
		{aclUser, 4, AsMade.ACLUser},
		{0x04, 4, aclAnyone},
		{aclGroup, 6, AsMade.ACLGroup},
		{0x10, 6, aclAnyone},
		{0x20, 0, aclAnyone},
	}
	// Capability words: magic, then permitted and inheritable, low words before high.
	caps := []uint32{capsRevision2 | capsEffective, capsNetRaw, 0, 0, 0}
	return errors.Join(
		os.Chown(path, int(AsMade.UID), int(AsMade.GID)), // first: it clears capabilities
		unix.Lsetxattr(path, xattrACL, encode(uint32(aclVersion), acl), 0),
		unix.Lsetxattr(path, xattrCaps, encode(caps), 0),
	)
}

func encode(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		_ = binary.Write(&b, binary.LittleEndian, v) // fixed sizes into memory cannot fail
	}
	return b.Bytes()
}

// ReadSentinel reads a sentinel at a path of the machine. A lost ACL is an error; a lost capability is not, as LXD drops it in some places (idmap.PlannedLevel).
func ReadSentinel(path string) (Sentinel, error) {
	var s Sentinel
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	s.UID, s.GID = stat.Uid, stat.Gid
	acl, err := xattr(path, xattrACL)
	if err != nil {
		return s, fmt.Errorf("sentinel: its ACL is lost: %w", err)
	}
	entries := make([]aclEntry, max(0, len(acl)-4)/8)
	if _, err := binary.Decode(acl[min(4, len(acl)):], binary.LittleEndian, entries); err != nil {
		return s, fmt.Errorf("sentinel: its ACL is damaged: %w", err)
	}
	for _, e := range entries {
		switch e.Tag {
		case aclUser:
			s.ACLUser = e.ID
		case aclGroup:
			s.ACLGroup = e.ID
		}
	}
	caps, err := xattr(path, xattrCaps)
	if errors.Is(err, unix.ENODATA) {
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	s.HasCaps = true
	words := make([]uint32, len(caps)/4)
	if _, err := binary.Decode(caps, binary.LittleEndian, words); err != nil {
		return s, fmt.Errorf("sentinel: its file capability is damaged: %w", err)
	}
	switch {
	case len(words) == 6 && words[0] == capsRevision3|capsEffective && words[1] == capsNetRaw:
		s.CapsRoot = words[5]
	case len(words) == 5 && words[0] == capsRevision2|capsEffective && words[1] == capsNetRaw:
		// The older revision names no root: it counts for that of the initial user namespace.
	default:
		return s, fmt.Errorf("sentinel: its file capability is %x, expected cap_net_raw+ep", caps)
	}
	return s, nil
}

func xattr(path, name string) ([]byte, error) {
	value := make([]byte, 256) // the sentinel's are 52 and 24 bytes
	n, err := unix.Lgetxattr(path, name, value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return value[:n], nil
}
