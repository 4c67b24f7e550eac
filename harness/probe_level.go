package harness

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// Sentinel is the file that rides in the level's image, in host ids. (Who looks from inside a level cannot tell a capability for the
// level's root from one for the root of a level above it, as both count there: man 7 capabilities, namespaced file capabilities.)
func (l *Level) Sentinel() (bundle.Sentinel, error) {
	s, err := readSentinel(l.root)
	if err != nil {
		return s, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return s, nil
}

func readSentinel(root *reach.Root) (s bundle.Sentinel, err error) {
	info, err := root.Look(bundle.SentinelPath)
	if err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	s.UID, s.GID = info.UID, info.GID
	caps, err := root.Xattr(bundle.SentinelPath, bundle.XattrCaps)
	if errors.Is(err, unix.ENODATA) {
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	if err := s.ParseCaps(caps); err != nil {
		return s, err
	}
	s.CapsRoot, _, err = root.OnHost(s.CapsRoot, 0)
	return s, err
}

// probeSentinel looks whether the file that rides in the image kept its owner, its ACL and its capability.
func probeSentinel(_ context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error) {
	s, err := readSentinel(l.root)
	if err != nil {
		return []Check{{What: "file of the image", Wanted: "intact", Got: err.Error()}}, nil
	}
	made := bundle.AsMade
	caps := func(has bool, root uint32) string {
		if !has {
			return "none"
		}
		return fmt.Sprint("for root ", root)
	}
	root, _ := idmap.Up(planned.Host.UID, 0)
	named := func(a bundle.ACL) string { return ids(a.User, a.Group) }
	checks := []Check{
		{What: "host owner of the sentinel", Wanted: onHost(planned, made.UID), Got: ids(s.UID, s.GID)},
		{What: "file capability of the sentinel", Wanted: caps(planned.FileCaps, root), Got: caps(s.HasCaps, s.CapsRoot)},
	}
	acl := Check{What: "host user and group in the sentinel's ACL", Wanted: named(aclOnHost(planned.Host))}
	switch found, err := l.SentinelACLOnHost(); {
	case err != nil:
		acl.Got = err.Error()
	case found == nil:
		acl.Got = "none"
	default:
		acl.Got = named(*found)
	}
	return append(checks, acl), nil
}

// probeDaemon asks the LXD inside for its version, which must be that of every level with the same bundle.
func probeDaemon(_ context.Context, l *Level, _ idmap.PlannedLevel) ([]Check, error) {
	server, _, err := l.server.GetServer()
	if err != nil {
		return []Check{{What: "LXD", Wanted: "answers", Got: err.Error()}}, nil
	}
	return []Check{{What: "version of the LXD inside", Wanted: l.Bundle.LXD, Got: server.Environment.ServerVersion}}, nil
}

// probePrivilege looks for anything privileged: the configuration, the kernel's map, the ids of init on the host.
func probePrivilege(_ context.Context, l *Level, _ idmap.PlannedLevel) ([]Check, error) {
	instance, _, err := l.above.LXD().GetInstance(l.Name)
	if err != nil {
		return nil, err
	}
	host, err := l.HostMap()
	if err != nil {
		return nil, err
	}
	rootOf := func(mappings []idmap.Mapping) string {
		for _, m := range mappings {
			if m.Parent == 0 {
				return "maps the host's root"
			}
		}
		return "without the host's root"
	}
	privileged := "no"
	if instance.ExpandedConfig["security.privileged"] == "true" {
		privileged = "yes"
	}
	return []Check{
		{What: "privileged by configuration", Wanted: "no", Got: privileged},
		{What: "uid map", Wanted: "without the host's root", Got: rootOf(host.UID)},
		{What: "gid map", Wanted: "without the host's root", Got: rootOf(host.GID)},
	}, nil
}
