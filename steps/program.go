package steps

import (
	"context"
	"errors"
	"fmt"

	"nestbed/harness/act/wall"
)

var programSteps = []step{
	{
		When, `^user 1000 of (the host|level \d+) runs a (setuid program|program with a file capability) of root of level (\d+)$`,
		"It takes the file from the storage that the level lies in, or at home from where it is.",
		func(s *scenario) any {
			return func(ctx context.Context, where, grant string, level int) error {
				return s.runProgram(ctx, where, grant, level, false)
			}
		}, shares,
	},
	{
		When, `^user 1000 of (the host|level \d+) runs a (setuid program|program with a file capability) of root of level (\d+) out of the mounts of that level$`,
		"The same file, through the root directory of the level's init.",
		func(s *scenario) any {
			return func(ctx context.Context, where, grant string, level int) error {
				return s.runProgram(ctx, where, grant, level, true)
			}
		}, shares,
	},
	{
		Then, `^the program runs as user (\d+)$`,
		"Its effective user id, as the place where it runs numbers it.",
		func(s *scenario) any { return s.runsAs }, shares,
	},
	{
		Then, `^the program runs as the owner of its file, which is not root$`,
		"Its effective user id on the host; which one that is depends on how the host's LXD stores what belongs to others.",
		func(s *scenario) any { return s.runsAsOwner }, shares,
	},
	{
		Then, `^the program has (no|one|every) capability$`,
		"Its effective capabilities, which are for the user namespace that it runs in.",
		func(s *scenario) any { return s.hasCapabilities }, shares,
	},
	{
		When, `^root of level (\d+) maps (\d+) of its ids into a user namespace that it makes$`,
		"From id 0 on, by a write to the uid_map of its first process.",
		func(s *scenario) any { return s.mapIDs }, shares,
	},
}

// ran is the result of running a program: its credentials, and the owner of its file on the host.
type ran struct {
	credentials wall.Credentials
	owner       uint32
}

func (s *scenario) runProgram(ctx context.Context, where, grant string, level int, mounted bool) (err error) {
	at, err := place(where)
	if err != nil {
		return err
	}
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	grants := map[string]wall.Grant{"setuid program": wall.SetUID, "program with a file capability": wall.FileCap}
	p, err := wall.MakeProgram(ctx, chain, level, grants[grant])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Remove(ctx)) }()
	var did ran
	if did.owner, err = p.Owner(ctx); err != nil {
		return err
	}
	did.credentials, err = p.Run(ctx, at, mounted)
	s.did = did
	return err
}

func (s *scenario) ran() (ran, error) { return deed[ran](s, "run a program") }

func (s *scenario) runsAs(id uint32) error {
	did, err := s.ran()
	if err != nil {
		return err
	}
	return s.equal("effective user id of the program", id, did.credentials.UID)
}

func (s *scenario) runsAsOwner() error {
	did, err := s.ran()
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal("the program's file belongs to root on the host", false, did.owner == 0),
		s.runsAs(did.owner),
	)
}

func (s *scenario) hasCapabilities(wanted string) error {
	did, err := s.ran()
	if err != nil {
		return err
	}
	const netBindService, all = 1 << 10, 1<<40 - 1
	got := did.credentials.Capabilities
	holds := map[string]bool{"no": got == 0, "one": got == netBindService, "every": got&all == all}
	if !holds[wanted] {
		return unlike("effective capabilities of the program: wanted %s, got %#x", wanted, got)
	}
	return nil
}

func (s *scenario) mapIDs(ctx context.Context, level int, count uint32) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	a, err := wall.TryMap(ctx, l, count)
	s.did = tried{who: fmt.Sprint("level ", level), attempt: a, deed: wall.Deed{Name: fmt.Sprint("map ids: ", count)}}
	return err
}
