package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/canonical/lxd/shared/api"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// HasOwnerOnHost fails unless a file of the level belongs, on the host, to the user and group
// that the level's idmap makes of an inside id.
func (l *Level) HasOwnerOnHost(path string, inside uint32) error {
	m, err := l.HostMap()
	if err != nil {
		return err
	}
	uid, _ := idmap.Up(m.UID, inside)
	gid, _ := idmap.Up(m.GID, inside)
	return l.owned(path, uid, gid)
}

// IsOwnedOnHost fails unless a file of the level belongs, on the host, to the user and group of that host id.
func (l *Level) IsOwnedOnHost(path string, id uint32) error { return l.owned(path, id, id) }

func (l *Level) owned(path string, uid, gid uint32) error {
	u, g, err := OwnerOnHost(l.root.Path(path))
	if err == nil && (u != uid || g != gid) {
		err = fmt.Errorf("%s: owner on the host: wanted %d:%d, got %d:%d", path, uid, gid, u, g)
	}
	if err != nil {
		return fmt.Errorf("level %d: %w", l.Index, err)
	}
	return nil
}

// SentinelACLOnHost is the access control list of the sentinel in host ids, nil where it has none.
func (l *Level) SentinelACLOnHost() (*bundle.ACL, error) {
	path := l.root.Path(bundle.SentinelPath)
	n, err := unix.Lgetxattr(path, bundle.XattrACL, nil)
	// Just as much as there is: Linux 6.0 and 6.1 translate the ids of an access control list on an idmapped mount only for some
	// sizes of the reader's buffer, for which they take that of the list (fs/xattr.c, vfs_getxattr; fs/posix_acl.c).
	value := make([]byte, max(n, 0))
	if err == nil {
		n, err = unix.Lgetxattr(path, bundle.XattrACL, value)
	}
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("level %d: sentinel: %s: %w", l.Index, bundle.XattrACL, err)
	}
	acl, err := bundle.ParseACL(value[:n])
	return &acl, err
}

// ACLWantedOnHost is what the sentinel's access control list must be in host ids.
func (l *Level) ACLWantedOnHost() (bundle.ACL, error) {
	m, err := l.HostMap()
	if err != nil {
		return bundle.ACL{}, err
	}
	return aclOnHost(m), nil
}

// aclOnHost is the sentinel's access control list where its ids are mapped to those of the host.
func aclOnHost(m idmap.Map) bundle.ACL {
	user, _ := idmap.Up(m.UID, bundle.ACLAsMade.User)
	group, _ := idmap.Up(m.GID, bundle.ACLAsMade.Group)
	return bundle.ACL{User: user, Group: group}
}

// Publish stops a container that Launch made with the LXD at a level, has that
// LXD make an image of it, and gives its fingerprint.
func (c *Chain) Publish(ctx context.Context, level int, name string) (string, error) {
	d, err := c.daemon(level)
	if err != nil {
		return "", err
	}
	op, err := d.LXD().UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1}, "")
	_, err = await(ctx, op, err)
	if err == nil {
		op, err = d.LXD().CreateImage(api.ImagesPost{Source: &api.ImagesPostSource{Type: "container", Name: name}}, nil)
	}
	_, err = await(ctx, op, err)
	if err != nil {
		return "", fmt.Errorf("level %d: publish: %w", level, err)
	}
	fingerprint, ok := op.Get().Metadata["fingerprint"].(string)
	if !ok {
		return "", fmt.Errorf("level %d: publish: LXD told no fingerprint of the image", level)
	}
	return fingerprint, nil
}
