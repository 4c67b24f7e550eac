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
		"Runs the file from the storage pool that contains the level, or in the level itself by its path.",
		func(s *scenario) any {
			return func(ctx context.Context, where, grant string, level int) error {
				return s.runProgram(ctx, where, grant, level, false)
			}
		}, shares,
	},
	{
		When, `^user 1000 of (the host|level \d+) runs a (setuid program|program with a file capability) of root of level (\d+) from the mounts of that level$`,
		"Runs the file through the root directory of the level's init.",
		func(s *scenario) any {
			return func(ctx context.Context, where, grant string, level int) error {
				return s.runProgram(ctx, where, grant, level, true)
			}
		}, shares,
	},
	{
		Then, `^the program runs as user (\d+)$`,
		"Checks the effective user id, as numbered in the place where the program runs.",
		func(s *scenario) any { return s.runsAs }, shares,
	},
	{
		Then, `^the program runs as the owner of its file, which is not root$`,
		"Checks the effective user id on the host. It depends on whether the host's LXD uses idmapped mounts.",
		func(s *scenario) any { return s.runsAsOwner }, shares,
	},
	{
		Then, `^the program has (no|one|every) capability$`,
		"Checks the effective capabilities, in the user namespace where the program runs.",
		func(s *scenario) any { return s.hasCapabilities }, shares,
	},
	{
		When, `^root of level (\d+) maps (\d+) of its ids into a new user namespace$`,
		"Writes the uid_map of the first process in the namespace, starting at id 0.",
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

func (s *scenario) ran() (ran, error) { return resultOf[ran](s, "run a program") }

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
		return mismatchf("effective capabilities of the program: wanted %s, got %#x", wanted, got)
	}
	return nil
}

func (s *scenario) mapIDs(ctx context.Context, level int, count uint32) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	a, err := wall.TryMap(ctx, l, count)
	s.did = tried{who: fmt.Sprint("level ", level), attempt: a, operation: wall.Operation{Name: fmt.Sprint("map ids: ", count)}}
	return err
}
