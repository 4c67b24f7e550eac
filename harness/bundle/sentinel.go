package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
)

// SentinelPath is where the sentinel stands in every bundle. LXD ignores what
// unsquashfs and tar complain of inside a user namespace (LXD:
// lxd/archive/archive.go), so a level can come up with its owners lost; the
// sentinel shows it.
const SentinelPath = "/usr/lib/nestbed/sentinel"

// Sentinel is what the sentinel file carries, in ids of whoever looks at it.
type Sentinel struct {
	UID, GID uint32
	// HasCaps tells whether it has a file capability, which is cap_net_raw;
	// CapsRoot is the id of the root for whom that counts (man 7 capabilities,
	// namespaced file capabilities).
	HasCaps  bool
	CapsRoot uint32
}

// ACL is the user and the group that the sentinel's access control list names (man 5 acl).
type ACL struct{ User, Group uint32 }

// AsMade returns the sentinel as it is put into a bundle: it belongs to the last id of a block.
func AsMade() Sentinel { return Sentinel{UID: 65535, GID: 65535, HasCaps: true} }

// ACLAsMade returns its access control list: two ids that differ from its owner and from root.
func ACLAsMade() ACL { return ACL{User: 1000, Group: 65534} }

// XattrACL is the extended attribute that an access control list stands in, XattrCaps that of capabilities. With them here: how the
// kernel lays both out (linux/posix_acl_xattr.h, linux/capability.h).
const (
	XattrACL  = "system.posix_acl_access"
	XattrCaps = "security.capability"

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

// SentinelText is what is in the sentinel.
const SentinelText = "ownership survived\n"

// SentinelACL is the value of XattrACL that it is made with: u::rw-,u:1000:r--,g::r--,g:65534:rw-,m::rw-,o::---.
func SentinelACL() []byte {
	return encode(uint32(aclVersion), []aclEntry{
		{0x01, 6, aclAnyone},
		{aclUser, 4, ACLAsMade().User},
		{0x04, 4, aclAnyone},
		{aclGroup, 6, ACLAsMade().Group},
		{0x10, 6, aclAnyone},
		{0x20, 0, aclAnyone},
	})
}

func writeSentinel(r *inroot.Root) error {
	if err := replaceFile(r, SentinelPath, []byte(SentinelText), 0o600); err != nil {
		return err
	}
	f, err := r.OpenFile(SentinelPath, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	// Capability words: magic, then permitted and inheritable, low words before high.
	caps := []uint32{capsRevision2 | capsEffective, capsNetRaw, 0, 0, 0}
	return errors.Join(
		f.Chown(int(AsMade().UID), int(AsMade().GID)), // first: it clears capabilities
		unix.Fsetxattr(fd, XattrACL, SentinelACL(), 0),
		unix.Fsetxattr(fd, XattrCaps, encode(caps), 0),
	)
}

func encode(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		_ = binary.Write(&b, binary.LittleEndian, v) // fixed sizes into memory cannot fail
	}
	return b.Bytes()
}

// ReadSentinel reads owner and capability of a sentinel at a path of the
// machine. A lost capability is no error: LXD drops it in some places (idmap.PlannedLevel).
func ReadSentinel(path string) (Sentinel, error) {
	var s Sentinel
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	s.UID, s.GID = stat.Uid, stat.Gid
	caps := make([]byte, 64) // revision 3 takes 24
	n, err := unix.Lgetxattr(path, XattrCaps, caps)
	if errors.Is(err, unix.ENODATA) {
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("sentinel: %s: %w", XattrCaps, err)
	}
	return s, s.ParseCaps(caps[:n])
}

// ParseCaps reads the value of XattrCaps. The older of its revisions names no root: it counts for that of whoever reads it.
func (s *Sentinel) ParseCaps(caps []byte) error {
	words := make([]uint32, len(caps)/4)
	if _, err := binary.Decode(caps, binary.LittleEndian, words); err != nil {
		return fmt.Errorf("sentinel: %s: %w", XattrCaps, err)
	}
	s.HasCaps = true
	switch {
	case len(words) == 6 && words[0] == capsRevision3|capsEffective && words[1] == capsNetRaw:
		s.CapsRoot = words[5]
	case len(words) == 5 && words[0] == capsRevision2|capsEffective && words[1] == capsNetRaw:
	default:
		return fmt.Errorf("sentinel: %s is %x, expected cap_net_raw+ep", XattrCaps, caps)
	}
	return nil
}

// ParseACL reads the value of XattrACL (linux/posix_acl_xattr.h): a version, then tag, permission and id an entry.
func ParseACL(value []byte) (ACL, error) {
	var acl ACL
	wrong := fmt.Errorf("sentinel: %s is %x, expected an access control list of version %d", XattrACL, value, aclVersion)
	if len(value) < 4 || (len(value)-4)%8 != 0 || binary.LittleEndian.Uint32(value) != aclVersion {
		return acl, wrong
	}
	entries := make([]aclEntry, (len(value)-4)/8)
	if _, err := binary.Decode(value[4:], binary.LittleEndian, entries); err != nil {
		return acl, wrong
	}
	for _, e := range entries {
		switch e.Tag {
		case aclUser:
			acl.User = e.ID
		case aclGroup:
			acl.Group = e.ID
		}
	}
	return acl, nil
}
