package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/storage"
)

var storageSteps = []step{
	{
		Given, `^the storage pool of (the host|level \d+) is on (dir|btrfs)$`,
		"The driver of the pool that the LXD there makes its containers on; where nothing is said it is dir.",
		func(s *scenario) any { return s.storageDriver }, shares,
	},
	{
		Given, `^the storage pool of the host is mounted with the options "([^"]*)"$`,
		"They take the place of those that LXD mounts a btrfs with.",
		func(s *scenario) any { return s.mountOptions }, shares,
	},
	{
		Given, `^the LXD of the host may not mount anything idmapped$`,
		"It is told so by its environment, and gives files new owners instead.",
		func(s *scenario) any { return s.noIdmapped }, shares,
	},
	{
		When, `^the LXD of (the host|level \d+) makes a container and deletes it again$`,
		"A container of the bundle's image that never runs.",
		func(s *scenario) any { return s.makeAndDelete }, changes,
	},
	{
		When, `^a storage volume( to be shifted)? is attached to level (\d+)$`,
		"The LXD above makes it and attaches it to the running level, whose root makes a file of user 1000 there; to be shifted is to be mounted idmapped.",
		func(s *scenario) any { return s.attachVolume }, changes,
	},
	{
		When, `^level (\d+) hands a directory with a file of its root down( to be shifted)?$`,
		"Its LXD attaches it to the running level below; to be shifted is to be mounted idmapped.",
		func(s *scenario) any { return s.handDown }, changes,
	},
	{
		Then, `^the files of every level are owned on disk as the LXD above can give them$`,
		"By the host ids of the level, or, at level 1 where the host's LXD mounts them idmapped, by the ids of the image; LXD has recorded which.",
		func(s *scenario) any { return s.ownedAsPlanned }, shares,
	},
	{
		Then, `^the files of level (\d+) are owned on disk by the host ids of that level$`,
		"Files of its users 0 and 65535, looked at in the storage pool; LXD has recorded the map for them.",
		func(s *scenario) any { return s.ownedByHostIDs }, shares,
	},
	{
		Then, `^level (\d+) lies in (a btrfs subvolume|a plain directory)$`,
		"In the pool of the LXD above.",
		func(s *scenario) any { return s.liesIn }, shares,
	},
	{
		Then, `^nothing of the container is left$`,
		"Neither LXD's record of it nor its files.",
		func(s *scenario) any { return s.nothingLeft }, shares,
	},
	{
		Then, `^the container is still there$`,
		"LXD knows it, and its files are in the pool.",
		func(s *scenario) any { return s.stillThere }, shares,
	},
	{
		Then, `^LXD cannot (delete|attach) it: "([^"]*)"$`,
		"What the When wanted fails at that, and with these words.",
		func(s *scenario) any { return s.cannot }, shares,
	},
	{
		Then, `^the volume and the file are owned on disk by the host ids of level (\d+)$`,
		"Looked at in the storage pool; LXD has recorded the map of that level for them.",
		func(s *scenario) any { return s.volumeOwned }, shares,
	},
	{
		Then, `^the directory and the file belong to nobody at level (\d+)$`,
		"To the ids 65534, which stand for all that the level has not.",
		func(s *scenario) any { return s.belongToNobody }, shares,
	},
}

// storageGiven is what Givens want of storage pools.
type storageGiven struct {
	drivers map[int]string // by the level of the LXD that has the pool; 0: the host
	options string
	chowns  bool // the host's LXD shall not mount idmapped
}

// stored is what a When did in a pool: the place of the LXD that did it, in one word what, and how that failed.
type stored struct {
	place  int
	verb   string
	failed error
}

func (s *scenario) stored() (stored, error) { return deed[stored](s, "done anything in a pool") }

// apply completes an order with what the Givens want of storage. On the pool of the last level nothing lies.
func (w storageGiven) apply(o *order) {
	o.host.NoIdmapped, o.host.Loops = w.chowns, w.drivers[0] == harness.Btrfs
	for i := range o.spec.Levels {
		o.spec.Levels[i].Storage = w.drivers[i]
		if i == 0 && w.options != "" {
			o.spec.Levels[i].StorageConfig = map[string]string{"btrfs.mount_options": w.options}
		}
	}
}

func (s *scenario) storageDriver(where, driver string) error {
	level, err := place(where)
	if err != nil {
		return err
	}
	if s.storage.drivers == nil {
		s.storage.drivers = map[int]string{}
	}
	s.storage.drivers[level] = driver
	return nil
}

func (s *scenario) mountOptions(options string) { s.storage.options = options }

func (s *scenario) noIdmapped() { s.storage.chowns = true }

func (s *scenario) makeAndDelete(ctx context.Context, where string) error {
	chain, level, err := s.ownAt(ctx, where)
	if err != nil {
		return err
	}
	made, err := storage.MakeAndDelete(ctx, chain, level)
	if !made {
		return err
	}
	s.did = stored{level, "delete", err}
	return nil
}

func (s *scenario) attachVolume(ctx context.Context, shifted string, level int) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	config := map[string]string{}
	if shifted != "" {
		config["security.shifted"] = "true"
	}
	s.did = stored{level, "attach", storage.AttachVolume(ctx, chain, level, config)}
	return nil
}

func (s *scenario) handDown(ctx context.Context, level int, shifted string) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	config := map[string]string{}
	if shifted != "" {
		config["shift"] = "true"
	}
	s.did = stored{level, "attach", storage.HandDown(ctx, chain, level, config)}
	return nil
}

func (s *scenario) ownedAsPlanned(ctx context.Context) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	for _, l := range chain.Levels {
		if err := s.hold(storage.OwnersOnDisk(chain, l.Index, storage.Remapped(chain, l.Index))); err != nil {
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
	return s.hold(storage.OwnersOnDisk(chain, level, true))
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
	return s.equal(fmt.Sprintf("level %d: it lies in a btrfs subvolume", level), what == "a btrfs subvolume", subvolume)
}

func (s *scenario) spare(wanted bool) error {
	did, err := s.stored()
	if err != nil {
		return err
	}
	known, onDisk, err := storage.SpareLeft(s.chain, did.place)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal(fmt.Sprintf("level %d: LXD knows the container", did.place), wanted, known),
		s.equal(fmt.Sprintf("level %d: files of the container are in the pool", did.place), wanted, onDisk),
	)
}

// storedWell fails if what the When did failed.
func (s *scenario) storedWell() error {
	did, err := s.stored()
	return errors.Join(err, did.failed)
}

func (s *scenario) nothingLeft() error {
	if err := s.storedWell(); err != nil {
		return err
	}
	return s.spare(false)
}

func (s *scenario) stillThere() error { return s.spare(true) }

func (s *scenario) cannot(verb, words string) error {
	did, err := s.stored()
	if err != nil {
		return err
	}
	switch err := did.failed; {
	case did.verb != verb:
		return unlike("wanted an attempt to %s something, got one to %s", verb, did.verb)
	case err == nil:
		return unlike("wanted LXD to fail to %s it with %q, but it did", verb, words)
	case !strings.Contains(err.Error(), words):
		return unlike("wanted LXD to fail to %s it with %q, got %w", verb, words, err)
	}
	return nil
}

func (s *scenario) volumeOwned(level int) error {
	if err := s.storedWell(); err != nil {
		return err
	}
	return s.hold(storage.VolumeOnDisk(s.chain, level))
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
