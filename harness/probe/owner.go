package probe

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// HasOwnerOnHost checks that a file of the level belongs, on the host, to the user and group to
// which the level's idmap maps the inside id.
func HasOwnerOnHost(ctx context.Context, l *harness.Level, path string, inside uint32) ([]harness.Check, error) {
	m, err := l.HostMap(ctx)
	if err != nil {
		return nil, err
	}
	uid, _ := idmap.Up(m.UID, inside)
	gid, _ := idmap.Up(m.GID, inside)
	return checkOwner(ctx, l, path, uid, gid)
}

// IsOwnedOnHost checks that a file of the level belongs, on the host, to the user and group with
// that host id.
func IsOwnedOnHost(ctx context.Context, l *harness.Level, path string, id uint32) ([]harness.Check, error) {
	return checkOwner(ctx, l, path, id, id)
}

func checkOwner(ctx context.Context, l *harness.Level, path string, uid, gid uint32) ([]harness.Check, error) {
	got, err := harness.OwnerOf(ctx, l, path)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return []harness.Check{{Level: l.Index, What: path + ": owner on the host", Wanted: harness.IDs(uid, gid), Got: got}}, nil
}

// SentinelACLOnHost returns the sentinel's access control list with host ids, or nil if it has
// none.
func SentinelACLOnHost(ctx context.Context, l *harness.Level) (*bundle.ACL, error) {
	value, err := l.Root().Xattr(ctx, bundle.SentinelPath, bundle.XattrACL)
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("level %d: sentinel: %w", l.Index, err)
	}
	acl, err := bundle.ParseACL(value)
	if err == nil {
		acl.User, acl.Group, err = l.Root().OnHost(ctx, acl.User, acl.Group)
	}
	return &acl, err
}

// ACLWantedOnHost returns the access control list that the sentinel must have, with host ids.
func ACLWantedOnHost(ctx context.Context, l *harness.Level) (bundle.ACL, error) {
	m, err := l.HostMap(ctx)
	if err != nil {
		return bundle.ACL{}, err
	}
	return aclOnHost(m), nil
}

// aclOnHost returns the access control list of a new sentinel, mapped to host ids.
func aclOnHost(m idmap.Map) bundle.ACL {
	user, _ := idmap.Up(m.UID, bundle.OriginalACL().User)
	group, _ := idmap.Up(m.GID, bundle.OriginalACL().Group)
	return bundle.ACL{User: user, Group: group}
}
