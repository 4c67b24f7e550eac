package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/file"
	"nestbed/harness/idmap"
)

// rawIDMapSteps pass single host ids through to the levels, and share a directory of the host with
// every level.
var rawIDMapSteps = []step{
	{
		Given, `^(uids? and gids?|uids?|gids?) (\d+)(?: to (\d+))? of the host (?:is|are) passed through to level (\d+)$`,
		"Every level keeps a block and delegates one for each level below. In addition, its subid files list these ids, and raw.idmap maps them to themselves.",
		func(s *scenario) any { return s.handThrough }, shares,
	},
	{
		Given, `^every level has a directory of the host$`,
		"The directory is bind-mounted from level to level without translating ids. Everybody may make files in it.",
		func(s *scenario) any { return func() { s.shared.wanted = true } }, shares,
	},
	{
		Given, `^every level has a directory of the host with a file of user (\d+) and group (\d+) of the host$`,
		"Every level has the directory with a file that only its owner and its group may write.",
		func(s *scenario) any { return s.hasSharedFile }, shares,
	},
	{
		When, `^user (\d+) of level (\d+) makes a file in that directory$`,
		"Runs a process with that user and group id inside the level.",
		func(s *scenario) any { return s.makeShared }, changes,
	},
	{
		When, `^user (\d+) of level (\d+) writes to that file$`,
		"Runs a process with that user and group id inside the level.",
		func(s *scenario) any { return s.writeShared }, changes,
	},
	{
		Then, `^the new file belongs to user (\d+) and group (\d+) of the host$`,
		"Checks the owner on the host.",
		func(s *scenario) any { return s.sharedOwner }, shares,
	},
	{
		Then, `^the file on the host contains what was written$`,
		"Reads the file on the host.",
		func(s *scenario) any { return s.sharedContent }, shares,
	},
	{
		Then, `^the write fails with EACCES and the file on the host is unchanged$`,
		"The process got EACCES (Permission denied), and the file is still empty.",
		func(s *scenario) any { return s.sharedRefused }, shares,
	},
	{
		Then, `^at level (\d+) that file belongs to user (\d+) and group (\d+)$`,
		"Checks the owner by stat at the level. 65534 stands for ids that the level does not have.",
		func(s *scenario) any { return s.sharedOwnerInside }, shares,
	},
}

// sharedGiven describes the directory of the host that every level has.
type sharedGiven struct {
	wanted, file bool
	uid, gid     int
}

// wrote is the result of a write to the file; refusal is nil if it succeeded.
type wrote struct{ refusal error }

func (s *scenario) wrote() (wrote, error) { return resultOf[wrote](s, "written to the file") }

const (
	givenFile = "given"
	newFile   = "new"
	written   = "written inside\n"
)

func (s *scenario) handThrough(kinds string, first, last string, depth int) error {
	kind := "both"
	if !strings.Contains(kinds, " and ") {
		kind = strings.TrimSuffix(kinds, "s")
	}
	ids := first
	if last != "" {
		ids += "-" + last
	}
	line, err := grantOf(first, last)
	if err != nil {
		return err
	}
	grant := func(d *idmap.Delegation) {
		if kind != "gid" {
			d.UID.Text += line
		}
		if kind != "uid" {
			d.GID.Text += line
		}
	}
	grant(&s.allocation)
	delegations := idmap.Cascade(depth)
	for level := 1; level <= depth; level++ {
		l, err := s.describe(fmt.Sprint(level))
		if err != nil {
			return err
		}
		l.Config[idmap.KeyRaw] = strings.Join([]string{kind, ids, ids}, " ")
		if level < depth {
			l.Delegation = &delegations[level-1]
			grant(l.Delegation)
		}
	}
	return nil
}

// grantOf returns the line of a subid file for the ids from first to last.
func grantOf(first, last string) (string, error) {
	var from, to uint32
	if last == "" {
		last = first
	}
	if _, err := fmt.Sscan(first, &from); err != nil {
		return "", fmt.Errorf("id %q: %w", first, err)
	}
	if _, err := fmt.Sscan(last, &to); err != nil || to < from {
		return "", fmt.Errorf("ids %q to %q: not a range", first, last)
	}
	return fmt.Sprintf("root:%d:%d\n", from, to-from+1), nil
}

func (s *scenario) hasSharedFile(uid, gid int) {
	s.shared = sharedGiven{wanted: true, file: true, uid: uid, gid: gid}
}

// share makes the directory of the Given steps and attaches it to every level.
func (s *scenario) share(ctx context.Context) (*harness.Chain, error) {
	if !s.shared.wanted {
		return nil, errors.New("no shared directory: no Given step makes one")
	}
	chain, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	if err := file.Share(ctx, chain); err != nil {
		return nil, err
	}
	if s.shared.file {
		err = file.AddFile(chain, givenFile, s.shared.uid, s.shared.gid)
	}
	return chain, err
}

func (s *scenario) writeInside(ctx context.Context, id uint32, level int, name string) error {
	chain, err := s.share(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	_, err = l.ExecAs(ctx, id, strings.NewReader(written), "dd", "of="+file.Dir+"/"+name)
	return err
}

func (s *scenario) makeShared(ctx context.Context, id uint32, level int) error {
	return s.writeInside(ctx, id, level, newFile)
}

// writeShared records a refusal for the Then steps.
func (s *scenario) writeShared(ctx context.Context, id uint32, level int) error {
	var did wrote
	err := s.writeInside(ctx, id, level, givenFile)
	if err != nil && strings.Contains(err.Error(), "Permission denied") {
		did.refusal, err = err, nil
	}
	s.did = did
	return err
}

func (s *scenario) sharedOwner(ctx context.Context, uid, gid uint32) error {
	u, g, err := file.OwnerOnHost(ctx, s.chain, newFile)
	if err != nil {
		return err
	}
	return s.equal("file of the host, made inside: owner on the host", [2]uint32{uid, gid}, [2]uint32{u, g})
}

func (s *scenario) sharedText(ctx context.Context) (string, error) {
	text, err := s.chain.Host.Root().ReadFile(ctx, file.Dir+"/"+givenFile)
	return string(text), err
}

func (s *scenario) sharedContent(ctx context.Context) error {
	did, err := s.wrote()
	if err := errors.Join(err, did.refusal); err != nil {
		return err
	}
	text, err := s.sharedText(ctx)
	if err != nil {
		return err
	}
	return s.equal("file of the host, written inside", written, text)
}

func (s *scenario) sharedRefused(ctx context.Context) error {
	did, err := s.wrote()
	if err != nil {
		return err
	}
	text, err := s.sharedText(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal("file of the host: the write is refused", true, did.refusal != nil),
		s.equal("file of the host after the write", "", text),
	)
}

func (s *scenario) sharedOwnerInside(ctx context.Context, level int, uid, gid uint32) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	got, err := l.Exec(ctx, "stat", "-c", "%u:%g", file.Dir+"/"+givenFile)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("level %d: file of the host: owner inside", level)
	return s.equal(what, fmt.Sprintf("%d:%d", uid, gid), strings.TrimSpace(got))
}
