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
	subject("every level has the planned ids", harness.IDMaps,
		"The idmaps of every level, read in the level and on the host, are those that the model computed."),
	subject("every level is unprivileged", harness.Privilege,
		"No level has security.privileged, and no idmap contains the host's root."),
	subject("the LXD inside every level answers", harness.Daemons,
		"Every LXD answers with the version of its level's bundle."),
	subject("processes at every level run under the host ids of that level", harness.Processes,
		"Checks the level's init and a process of its user 1000 on the host."),
	subject("files made at every level belong to the host ids of that level", harness.Files,
		"Checks files of the level's users 0, 1000 and 65535 on the host."),
	subject("at every level the last id can own a file and the next one cannot", harness.Edges,
		"Tries chown inside the level for users and groups."),
	subject("the sentinel of the image arrives at every level with its owner and ACL", harness.Sentinels,
		"The sentinel is a test file in every level's image. It belongs to user 65535 and has an access control list and a file capability."),
	subject("/usr of every level is that of its bundle, and read-only if the level above has the same", harness.Programs,
		"Reads the key of the bundle in /usr of every level. If the level gets /usr from the level above, its root also tries to make a directory there."),
}, []step{
	{
		Then, `^root at level (\d+) is id (\d+) on the host$`,
		"Checks user and group by the idmaps that the kernel shows on the host.",
		func(s *scenario) any { return s.rootOnHost }, shares,
	},
	{
		Then, `^the file capability of the image (arrives|is lost) at level (\d+)$`,
		"Checks the file capability of the sentinel file.",
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
