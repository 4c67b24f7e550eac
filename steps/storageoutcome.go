package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"nestbed/harness/act/storage"
)

// storageOutcomeSteps check how files are stored in storage pools.
var storageOutcomeSteps = []step{
	{
		Then, `^the files of every level have the owners on disk that the LXD above can set$`,
		"The owners are the host ids of the level or, at level 1 if the host's LXD uses idmapped mounts, the ids of the image. LXD has recorded which.",
		func(s *scenario) any { return s.ownedAsPlanned }, shares,
	},
	{
		Then, `^the files of level (\d+) belong on disk to the host ids of that level$`,
		"Checks files of the level's users 0 and 65535 in the storage pool, and the map that LXD has recorded.",
		func(s *scenario) any { return s.ownedByHostIDs }, shares,
	},
	{
		Then, `^level (\d+) is stored in (a btrfs subvolume|a plain directory)$`,
		"Checks the level's directory in the storage pool of the LXD above.",
		func(s *scenario) any { return s.liesIn }, shares,
	},
	{
		Then, `^nothing of the container is left$`,
		"LXD does not know the container, and its files are gone.",
		func(s *scenario) any { return s.nothingLeft }, shares,
	},
	{
		Then, `^the container is still there$`,
		"LXD knows the container, and its files are in the storage pool.",
		func(s *scenario) any { return s.stillThere }, shares,
	},
	{
		Then, `^LXD cannot (delete|attach) it: "([^"]*)"$`,
		"The operation of the When step failed, and LXD's error contains this text.",
		func(s *scenario) any { return s.cannot }, shares,
	},
	{
		Then, `^the volume and the file belong on disk to the host ids of level (\d+)$`,
		"Checks the storage pool. LXD has recorded the map of that level for the volume.",
		func(s *scenario) any { return s.volumeOwned }, shares,
	},
	{
		Then, `^the directory and the file belong to nobody at level (\d+)$`,
		"Their user and group are 65534, which stands for ids that the level does not have.",
		func(s *scenario) any { return s.belongToNobody }, shares,
	},
}

func (s *scenario) ownedAsPlanned(ctx context.Context) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	for _, l := range chain.Levels {
		if err := s.hold(storage.OwnersOnDisk(ctx, chain, l.Index, storage.Remapped(chain, l.Index))); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) ownedByHostIDs(ctx context.Context, level int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	return s.hold(storage.OwnersOnDisk(ctx, chain, level, true))
}

func (s *scenario) liesIn(ctx context.Context, level int, what string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	subvolume, err := storage.IsSubvolume(l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: stored in a btrfs subvolume", level), what == "a btrfs subvolume", subvolume)
}

func (s *scenario) containerIs(ctx context.Context, wanted bool) error {
	did, err := s.stored()
	if err != nil {
		return err
	}
	known, onDisk, err := storage.ContainerLeft(ctx, s.chain, did.place)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal(fmt.Sprintf("level %d: LXD knows the container", did.place), wanted, known),
		s.equal(fmt.Sprintf("level %d: files of the container are in the pool", did.place), wanted, onDisk),
	)
}

// storedWell returns the error of the When step's operation.
func (s *scenario) storedWell() error {
	did, err := s.stored()
	return errors.Join(err, did.failed)
}

func (s *scenario) nothingLeft(ctx context.Context) error {
	if err := s.storedWell(); err != nil {
		return err
	}
	return s.containerIs(ctx, false)
}

func (s *scenario) stillThere(ctx context.Context) error { return s.containerIs(ctx, true) }

func (s *scenario) cannot(verb, words string) error {
	did, err := s.stored()
	if err != nil {
		return err
	}
	switch err := did.failed; {
	case did.verb != verb:
		return mismatchf("wanted an attempt to %s something, got one to %s", verb, did.verb)
	case err == nil:
		return mismatchf("wanted LXD to fail to %s it with %q, but it did", verb, words)
	case !strings.Contains(err.Error(), words):
		return mismatchf("wanted LXD to fail to %s it with %q, got %w", verb, words, err)
	}
	return nil
}

func (s *scenario) volumeOwned(ctx context.Context, level int) error {
	if err := s.storedWell(); err != nil {
		return err
	}
	return s.hold(storage.VolumeOnDisk(ctx, s.chain, level))
}

func (s *scenario) belongToNobody(ctx context.Context, level int) error {
	if err := s.storedWell(); err != nil {
		return err
	}
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	got, err := storage.AttachedOwners(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: owners of the directory and of the file", level), "65534:65534\n65534:65534\n", got)
}
