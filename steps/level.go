package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// levelSteps check all levels with probe.Verify, and single levels.
var levelSteps = slices.Concat([]step{
	subject("every level has the ids that were planned", harness.IDMaps,
		"The idmaps as the level and as the host sees them are those that the model computed."),
	subject("every level is unprivileged", harness.Privilege,
		"Neither its configuration nor its idmap has anything of the host's root."),
	subject("the LXD inside every level answers", harness.Daemons,
		"In the version of the bundle that the level runs."),
	subject("processes at every level run under the host ids of that level", harness.Processes,
		"The level's init, and a process of its user 1000, looked at from the host."),
	subject("files made at every level belong to the host ids of that level", harness.Files,
		"Files of its users 0, 1000 and 65535, looked at from the host."),
	subject("at every level the last id can own a file and the next one cannot", harness.Edges,
		"Users and groups, by chown inside."),
	subject("the sentinel of the image arrives at every level with its owner and ACL", harness.Sentinels,
		"A file of the image that is owned by 65535, with an access control list and a file capability."),
}, []step{
	{
		Then, `^root at level (\d+) is id (\d+) on the host$`,
		"User and group, by the idmaps that the kernel shows on the host.",
		func(s *scenario) any { return s.rootOnHost }, shares,
	},
	{
		Then, `^the file capability of the image (arrives|is lost) at level (\d+)$`,
		"That of the sentinel, looked at on the file itself.",
		func(s *scenario) any { return s.fileCapability }, shares,
	},
})

func subject(wording string, subject harness.Subject, meaning string) step {
	return step{keyword: Then, pattern: "^" + wording + "$", meaning: meaning, method: func(s *scenario) any {
		return func(ctx context.Context) error { return s.verify(ctx, subject) }
	}}
}

// level returns a level of the chain, for a step that changes nothing.
func (s *scenario) level(ctx context.Context, index int) (*harness.Level, error) {
	chain, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	return chain.Level(index)
}

func (s *scenario) rootOnHost(ctx context.Context, level int, id uint32) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	if id, err = s.onHost(id); err != nil {
		return err
	}
	return s.rootIs(ctx, l, id)
}

// rootIs compares the host ids of a level's root user and group.
func (s *scenario) rootIs(ctx context.Context, l *harness.Level, id uint32) error {
	m, err := l.HostMap(ctx)
	if err != nil {
		return err
	}
	uid, _ := idmap.Up(m.UID, 0)
	gid, _ := idmap.Up(m.GID, 0)
	return errors.Join(
		s.equal(fmt.Sprintf("level %d: host id of the user root", l.Index), id, uid),
		s.equal(fmt.Sprintf("level %d: host id of the group root", l.Index), id, gid),
	)
}

// fileCapability checks the file itself, independently of the plan.
func (s *scenario) fileCapability(ctx context.Context, what string, level int) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	sentinel, err := probe.SentinelOf(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the sentinel has a file capability", level), what == "arrives", sentinel.HasCaps)
}
