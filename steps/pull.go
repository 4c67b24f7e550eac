package steps

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"nestbed/harness/act/life"
	"nestbed/harness/act/pull"
)

var pullSteps = []step{
	{
		When, `^a file of user (\d+) and group (\d+) with mode ([0-7]{3,4}) is pulled from the (running|stopped) level (\d+)$`,
		"Root of the level makes the file, and the LXD above reads it. A stopped level is started again afterwards.",
		func(s *scenario) any { return s.pullFile }, changes,
	},
	{
		When, `^a symlink to "([^"]*)" is pulled from level (\d+)$`,
		"Root of the level makes the symlink, and the LXD above reads it.",
		func(s *scenario) any { return s.pullSymlink }, changes,
	},
	{
		When, `^a directory with the files "([^"]*)" and "([^"]*)" is pulled from level (\d+)$`,
		"Root of the level makes the directory, and the LXD above reads it.",
		func(s *scenario) any { return s.pullDirectory }, changes,
	},
	{
		Then, `^the pulled file belongs to user (\d+) and group (\d+) and has mode ([0-7]{3,4})$`,
		"Owner and mode as LXD gives them to its client, in ids of the level. The content is that of the file.",
		func(s *scenario) any { return s.pulledFile }, shares,
	},
	{
		Then, `^the pulled symlink leads to "([^"]*)"$`,
		"The target as LXD gives it to its client.",
		func(s *scenario) any { return s.pulledSymlink }, shares,
	},
	{
		Then, `^the pulled directory has the files "([^"]*)" and "([^"]*)"$`,
		"The names as LXD gives them to its client, in any order.",
		func(s *scenario) any { return s.pulledDirectory }, shares,
	},
}

// pull makes something in a level by a script, and pulls what has this name.
func (s *scenario) pull(ctx context.Context, level int, stopped bool, script, name string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	if err := pull.Make(ctx, l, script); err != nil {
		return err
	}
	read := func() error {
		pulled, err := pull.From(ctx, l, name)
		s.did = pulled
		return err
	}
	if !stopped {
		return read()
	}
	if err := life.WhileStopped(ctx, l, read); err != nil {
		return err
	}
	return s.reattach(ctx, level)
}

func (s *scenario) pullFile(ctx context.Context, uid, gid int, mode, state string, level int) error {
	return s.pull(ctx, level, state == "stopped", fmt.Sprintf("printf %s >file && chown %d:%d file && chmod %s file", pull.Content, uid, gid, mode), "file")
}

func (s *scenario) pullSymlink(ctx context.Context, target string, level int) error {
	return s.pull(ctx, level, false, fmt.Sprintf("ln -s '%s' symlink", target), "symlink")
}

func (s *scenario) pullDirectory(ctx context.Context, one, other string, level int) error {
	return s.pull(ctx, level, false, fmt.Sprintf("mkdir directory && touch 'directory/%s' 'directory/%s'", one, other), "directory")
}

func (s *scenario) pulledFile(uid, gid int64, mode string) error {
	pulled, err := resultOf[pull.File](s, "pulled anything")
	if err != nil {
		return err
	}
	want, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return err
	}
	return s.equal("pulled file", pull.File{Type: "file", UID: uid, GID: gid, Mode: want, Content: pull.Content}, pulled)
}

func (s *scenario) pulledSymlink(target string) error {
	pulled, err := resultOf[pull.File](s, "pulled anything")
	if err != nil {
		return err
	}
	return s.equal("pulled symlink", []string{"symlink", target}, []string{pulled.Type, pulled.Content})
}

func (s *scenario) pulledDirectory(one, other string) error {
	pulled, err := resultOf[pull.File](s, "pulled anything")
	if err != nil {
		return err
	}
	wanted, got := []string{one, other}, slices.Clone(pulled.Entries)
	slices.Sort(wanted)
	slices.Sort(got)
	return s.equal("pulled directory", append([]string{"directory"}, wanted...), append([]string{pulled.Type}, got...))
}
