package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/image"
	"nestbed/harness/bundle/imagefile"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// imageOutcomeSteps check the results of imageSteps.
var imageOutcomeSteps = []step{
	{
		Then, `^every LXD down to level (\d+) has the image under its original fingerprint$`,
		"Each LXD exports the same bytes: their SHA-256 is the fingerprint.",
		func(s *scenario) any { return s.sameFingerprint }, shares,
	},
	{
		Then, `^the files of the image in level (\d+) belong to root of that level$`,
		"Checks the owner on the host.",
		func(s *scenario) any { return s.pushedOwner }, shares,
	},
	{
		Then, `^in the container the files of users 0, 1000 and 65535 keep their owners$`,
		"Checks the owners by stat in the container, and by the container's host ids on the host.",
		func(s *scenario) any { return s.launchedOwners }, shares,
	},
	{
		Then, `^in the container the file of user and group (?P<file>\d+) belongs to user and group (\d+)$`,
		"Checks the owner by stat in the container.",
		func(s *scenario) any { return s.launchedOwner }, shares,
	},
	{
		Then, `^the ACL of the sentinel (arrives|is lost) in the container$`,
		"Checks the ACL of the sentinel file on the host, in the container's host ids.",
		func(s *scenario) any { return s.launchedACL }, shares,
	},
	{
		Then, `^LXD refuses it at level (?P<wanted>\d+) in operation "([^"]*)" with "([^"]*)"$`,
		"The operation is push or an operation of a build. LXD's error matches the regular expression.",
		func(s *scenario) any { return s.imageRefused }, shares,
	},
	{
		Then, `^every LXD from level (\d+) up has the published image under its fingerprint$`,
		"Each LXD exports the same bytes: their SHA-256 is the fingerprint.",
		func(s *scenario) any { return s.samePublished }, shares,
	},
	{
		Then, `^the published image at level (\d+) has the files of users 0, 1000 and 65535 with their owners$`,
		"Checks the owners in the exported tar, and that its SHA-256 is the fingerprint.",
		func(s *scenario) any { return s.publishedOwners }, shares,
	},
}

func (s *scenario) sameFingerprint(ctx context.Context, level int) error {
	did, err := s.carried()
	if err == nil {
		err = did.refusal
	}
	if err != nil {
		return err
	}
	return s.sameImage(ctx, level, did.made.Fingerprint())
}

func (s *scenario) samePublished(ctx context.Context, level int) error {
	did, err := s.carried()
	if err == nil {
		err = did.refusal
	}
	if err != nil {
		return err
	}
	return s.sameImage(ctx, level, did.published)
}

// sameImage compares an image that every LXD down to a level exports with its fingerprint.
func (s *scenario) sameImage(ctx context.Context, level int, fingerprint string) error {
	for l := range level + 1 {
		got, err := image.Export(ctx, s.chain, l, fingerprint)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("level %d: SHA-256 of the exported image", l)
		if err := s.equal(what, fingerprint, got.Fingerprint()); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) pushedOwner(ctx context.Context, level int) error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	l, err := s.chain.Level(level)
	if err != nil {
		return err
	}
	paths := []string{image.CarriedMetadata}
	if !did.made.Unified() {
		paths = append(paths, image.CarriedRootFS)
	}
	for _, path := range paths {
		if err := s.hold(probe.HasOwnerOnHost(ctx, l, path, 0)); err != nil {
			return err
		}
	}
	return nil
}

// launched returns the container that was created from the image.
func (s *scenario) launched() (*harness.Level, error) {
	did, err := s.carried()
	if err != nil {
		return nil, err
	}
	if did.container == nil {
		return nil, errors.Join(errors.New("no container was created from the image"), did.refusal)
	}
	return did.container, nil
}

func (s *scenario) launchedOwners(ctx context.Context) error {
	l, err := s.launched()
	if err != nil {
		return err
	}
	for _, id := range []uint32{0, 1000, 65535} {
		if err := s.launchedOwner(ctx, id, id); err != nil {
			return err
		}
		if err := s.hold(probe.HasOwnerOnHost(ctx, l, imagefile.FileOf(id), id)); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) launchedOwner(ctx context.Context, made, owner uint32) error {
	l, err := s.launched()
	if err != nil {
		return err
	}
	got, err := l.Exec(ctx, "stat", "-c", "%u:%g", imagefile.FileOf(made))
	if err != nil {
		return err
	}
	what := fmt.Sprintf("container of the image at level %d: owner of its file of %d", l.Index-1, made)
	return s.equal(what, fmt.Sprintf("%d:%d", owner, owner), strings.TrimSpace(got))
}

func (s *scenario) launchedACL(ctx context.Context, what string) error {
	l, err := s.launched()
	if err != nil {
		return err
	}
	acl, err := probe.SentinelACLOnHost(ctx, l)
	if err != nil {
		return err
	}
	there := fmt.Sprintf("container of the image at level %d: ", l.Index-1)
	if err := s.equal(there+"the sentinel has an ACL", what == "arrives", acl != nil); err != nil || acl == nil {
		return err
	}
	wanted, err := probe.ACLWantedOnHost(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(there+"ACL of the sentinel on the host", wanted, *acl)
}

func (s *scenario) imageRefused(level int, operation, words string) error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	op := image.OpPush
	if operation != string(op) {
		var err error
		if op, err = idmap.ParseOp(operation); err != nil {
			return err
		}
	}
	pattern, err := regexp.Compile(words)
	if err != nil {
		return err
	}
	var stuck *image.StuckError
	switch {
	case !errors.As(did.refusal, &stuck):
		return mismatchf("wanted a refusal at level %d in operation %s, but LXD did it", level, op)
	case stuck.Level != level || stuck.Op != op || !pattern.MatchString(stuck.Err.Error()):
		return mismatchf("wanted a refusal at level %d in operation %s with %q, got %w", level, op, words, stuck)
	}
	return nil
}

func (s *scenario) publishedOwners(ctx context.Context, level int) error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	exported, err := image.Export(ctx, s.chain, level, did.published)
	if err != nil {
		return err
	}
	if err := s.equal("SHA-256 of the published image", did.published, exported.Fingerprint()); err != nil {
		return err
	}
	owners, err := exported.Owners()
	if err != nil {
		return err
	}
	for _, id := range []uint32{0, 1000, 65535} {
		what := fmt.Sprintf("level %d: published image: owner of its file of %d", level, id)
		if err := s.equal(what, fmt.Sprintf("%d:%d", id, id), owners[imagefile.FileOf(id)]); err != nil {
			return err
		}
	}
	return nil
}
