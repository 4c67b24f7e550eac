package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/attempt"
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
)

// SentinelOf returns the sentinel, the file in the level's image, with host ids. It is read from
// outside. Inside, a capability for the level's root looks like one for the root of a level above,
// because both count there (man 7 capabilities, namespaced file capabilities).
func SentinelOf(ctx context.Context, l *harness.Level) (bundle.Sentinel, error) {
	s, err := readSentinel(ctx, l.Root())
	if err != nil {
		return s, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return s, nil
}

func readSentinel(ctx context.Context, root *reach.Root) (s bundle.Sentinel, err error) {
	info, err := root.Look(ctx, bundle.SentinelPath)
	if err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	s.UID, s.GID = info.UID, info.GID
	caps, err := root.Xattr(ctx, bundle.SentinelPath, bundle.XattrCaps)
	if errors.Is(err, unix.ENODATA) {
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("sentinel: %w", err)
	}
	if err := s.ParseCaps(caps); err != nil {
		return s, err
	}
	s.CapsRoot, _, err = root.OnHost(ctx, s.CapsRoot, 0)
	return s, err
}

// probeSentinel checks that the file in the image kept its owner, its ACL and its capability.
func probeSentinel(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error) {
	s, err := readSentinel(ctx, l.Root())
	if err != nil {
		return []harness.Check{{What: "file of the image", Wanted: "intact", Got: err.Error()}}, nil
	}
	made := bundle.OriginalSentinel()
	caps := func(has bool, root uint32) string {
		if !has {
			return "none"
		}
		return fmt.Sprint("for root ", root)
	}
	root, _ := idmap.Up(planned.Host.UID, 0)
	named := func(a bundle.ACL) string { return harness.IDs(a.User, a.Group) }
	checks := []harness.Check{
		{What: "host owner of the sentinel", Wanted: harness.OnHost(planned, made.UID), Got: harness.IDs(s.UID, s.GID)},
		{What: "file capability of the sentinel", Wanted: caps(planned.FileCaps, root), Got: caps(s.HasCaps, s.CapsRoot)},
	}
	acl := harness.Check{What: "host user and group in the sentinel's ACL", Wanted: named(aclOnHost(planned.Host))}
	switch found, err := SentinelACLOnHost(ctx, l); {
	case err != nil:
		acl.Got = err.Error()
	case found == nil:
		acl.Got = "none"
	default:
		acl.Got = named(*found)
	}
	return append(checks, acl), nil
}

// probeDaemon checks that the LXD inside has the version of the level's bundle.
func probeDaemon(ctx context.Context, l *harness.Level, _ idmap.PlannedLevel) ([]harness.Check, error) {
	server, _, err := lxdop.With(ctx, l.LXD()).GetServer()
	if err != nil {
		return []harness.Check{{What: "LXD", Wanted: "answers", Got: err.Error()}}, nil
	}
	return []harness.Check{{What: "version of the LXD inside", Wanted: l.Bundle.LXD, Got: server.Environment.ServerVersion}}, nil
}

// probePrograms checks that /usr is that of the level's bundle, and that root of the level cannot
// write there if /usr is that of the level above.
func probePrograms(ctx context.Context, l *harness.Level, _ idmap.PlannedLevel) ([]harness.Check, error) {
	key, err := l.ReadFile(ctx, bundle.KeyFile)
	if err != nil {
		return []harness.Check{{What: "bundle of /usr", Wanted: l.Bundle.Key, Got: err.Error()}}, nil
	}
	checks := []harness.Check{{What: "bundle of /usr", Wanted: l.Bundle.Key, Got: string(bytes.TrimSpace(key))}}
	if !l.Thin {
		return checks, nil
	}
	out, err := l.Exec(ctx, "sh", "-c", attempt.WithApplets(`if said=$(mkdir /usr/nestbed-made 2>&1); then rmdir /usr/nestbed-made; echo made; else echo "${said##*: }"; fi`))
	return append(checks, harness.Check{What: "a directory made in /usr", Wanted: "Read-only file system", Got: strings.TrimSpace(out)}), err
}

// probePrivilege checks that the configuration is unprivileged and that no map has the host's
// root.
func probePrivilege(ctx context.Context, l *harness.Level, _ idmap.PlannedLevel) ([]harness.Check, error) {
	instance, _, err := lxdop.With(ctx, l.Above().LXD()).GetInstance(l.Name)
	if err != nil {
		return nil, err
	}
	host, err := l.HostMap(ctx)
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
	return []harness.Check{
		{What: "privileged by configuration", Wanted: "no", Got: privileged},
		{What: "uid map", Wanted: "without the host's root", Got: rootOf(host.UID)},
		{What: "gid map", Wanted: "without the host's root", Got: rootOf(host.GID)},
	}, nil
}
