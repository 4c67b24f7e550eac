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

// SentinelPath is the path of the sentinel in every bundle. LXD ignores errors of unsquashfs and
// tar inside a user namespace (LXD: lxd/archive/archive.go), so a level can start with wrong
// owners. The sentinel reveals that. It is not in /usr, which thin images do not have.
const SentinelPath = "/var/lib/nestbed/sentinel"

// A Sentinel is the owner and the capability of the sentinel file, in the ids of the process that
// reads it.
type Sentinel struct {
	UID, GID uint32
	// HasCaps reports whether the file has its capability, cap_net_raw. CapsRoot is the root user
	// id for which it is valid (man 7 capabilities, namespaced file capabilities).
	HasCaps  bool
	CapsRoot uint32
}

// An ACL is the user and the group that the sentinel's access control list names (man 5 acl).
type ACL struct{ User, Group uint32 }

// OriginalSentinel returns the sentinel as it is in a bundle. Its owner is the last id of a block.
func OriginalSentinel() Sentinel { return Sentinel{UID: 65535, GID: 65535, HasCaps: true} }

// OriginalACL returns the sentinel's access control list. Its ids differ from the owner and from
// root.
func OriginalACL() ACL { return ACL{User: 1000, Group: 65534} }

// XattrACL is the extended attribute of access control lists, and XattrCaps that of file
// capabilities. The other constants are the kernel's formats of both (linux/posix_acl_xattr.h,
// linux/capability.h).
const (
	XattrACL  = "system.posix_acl_access"
	XattrCaps = "security.capability"

	aclVersion = 2
	aclUser    = 0x02
	aclGroup   = 0x08
	aclAnyone  = 1<<32 - 1

	capsRevision2 = 0x02000000
	capsRevision3 = 0x03000000 // with a root user id
	capsEffective = 1
	capsNetRaw    = 1 << 13
)

type aclEntry struct {
	Tag, Perm uint16
	ID        uint32
}

// SentinelText is the content of the sentinel.
const SentinelText = "ownership survived\n"

// SentinelACL returns the value of XattrACL in a bundle:
// u::rw-,u:1000:r--,g::r--,g:65534:rw-,m::rw-,o::---.
func SentinelACL() []byte {
	return encode(uint32(aclVersion), []aclEntry{
		{0x01, 6, aclAnyone},
		{aclUser, 4, OriginalACL().User},
		{0x04, 4, aclAnyone},
		{aclGroup, 6, OriginalACL().Group},
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
	// The words are: magic, then permitted and inheritable, low words before high words.
	caps := []uint32{capsRevision2 | capsEffective, capsNetRaw, 0, 0, 0}
	return errors.Join(
		f.Chown(int(OriginalSentinel().UID), int(OriginalSentinel().GID)), // first, because it clears capabilities
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

// ReadSentinel returns the owner and capability of the sentinel at a path of this machine. It
// accepts a missing capability, because LXD drops it in some cases (idmap.PlannedLevel).
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

// ParseCaps sets HasCaps and CapsRoot from the value of XattrCaps. Revision 2 has no root user
// id: the capability is then valid for the reader's root, and CapsRoot stays 0.
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

// ParseACL parses the value of XattrACL (linux/posix_acl_xattr.h): a version, then a tag,
// permissions and an id for each entry.
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
