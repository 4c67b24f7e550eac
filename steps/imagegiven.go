package steps

import (
	"context"
	"errors"

	"nestbed/harness/act/image"
	"nestbed/harness/probe"
)

// imageGivenSteps test what a level gets from the LXD above: a pushed file, or an image through
// /dev/lxd.
var imageGivenSteps = []step{
	{
		When, `^a file is pushed into level (\d+) as user and group (\d+)$`,
		"Pushes the file through the LXD above, while the level runs.",
		func(s *scenario) any { return s.pushAs }, changes,
	},
	{
		When, `^user (\d+) of level (\d+) asks the LXD above for the image$`,
		"A process of the level requests the image through /dev/lxd/sock.",
		func(s *scenario) any { return s.askForImage }, changes,
	},
	{
		Then, `^the pushed file belongs to user and group (\d+) on the host$`,
		"Checks the owner on the host, whether or not the push succeeded.",
		func(s *scenario) any { return s.pushedAsOwner }, shares,
	},
	{
		Then, `^the level receives the image byte for byte$`,
		"The SHA-256 of the received image is its fingerprint.",
		func(s *scenario) any { return s.askedAndGot }, shares,
	},
	{
		Then, `^the LXD above answers with status (\d+)$`,
		"HTTP status: 401 if the user is not root of the level, 403 if the level is not allowed to, 404 if there is no such public image.",
		func(s *scenario) any { return s.askedAndRefused }, shares,
	},
}

func (s *scenario) pushAs(ctx context.Context, level int, id int64) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	if s.carrying().pushed, err = chain.Level(level); err != nil {
		return err
	}
	return s.keepRefusal(image.PushFile(ctx, s.carrying().pushed, pushedPath, []byte("pushed\n"), id))
}

func (s *scenario) askForImage(ctx context.Context, id uint32, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	s.carrying().got, err = image.Ask(ctx, chain, level, id, s.carrying().made.Fingerprint())
	var refused *image.DevLXDError
	if errors.As(err, &refused) {
		s.carrying().refusal, err = err, nil
	}
	return err
}

func (s *scenario) pushedAsOwner(ctx context.Context, id uint32) error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	if id, err = s.onHost(id); err != nil {
		return err
	}
	return s.hold(probe.IsOwnedOnHost(ctx, did.pushed, pushedPath, id))
}

func (s *scenario) askedAndGot() error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	if did.refusal != nil {
		return did.refusal
	}
	return s.equal("SHA-256 of the image by /dev/lxd", did.made.Fingerprint(), did.got.Fingerprint())
}

func (s *scenario) askedAndRefused(status int) error {
	did, err := s.carried()
	if err != nil {
		return err
	}
	var refused *image.DevLXDError
	if !errors.As(did.refusal, &refused) {
		return mismatchf("/dev/lxd: wanted status %d, got the image", status)
	}
	if refused.Status != status {
		return mismatchf("wanted status %d, got %w", status, refused)
	}
	return nil
}
