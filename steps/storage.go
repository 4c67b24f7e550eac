package steps

import (
	"context"

	"nestbed/harness"
	"nestbed/harness/act/storage"
)

var storageSteps = []step{
	{
		Given, `^the storage pool of (the host|level \d+) uses the driver (dir|btrfs)$`,
		"Sets the driver of the storage pool in which the LXD there makes its containers. The default is dir.",
		func(s *scenario) any { return s.storageDriver }, shares,
	},
	{
		Given, `^the storage pool of the host is mounted with the options "([^"]*)"$`,
		"Replaces LXD's default mount options for btrfs.",
		func(s *scenario) any { return s.mountOptions }, shares,
	},
	{
		Given, `^the LXD of the host cannot use idmapped mounts$`,
		"Sets an environment variable of LXD, which then changes the owners of files on disk instead.",
		func(s *scenario) any { return s.noIdmapped }, shares,
	},
	{
		When, `^the LXD of (the host|level \d+) makes a container and deletes it again$`,
		"Makes a container from the bundle's image and deletes it. It never runs.",
		func(s *scenario) any { return s.makeAndDelete }, changes,
	},
	{
		When, `^a (shifted )?storage volume is attached to level (\d+)$`,
		"The LXD above makes the volume and attaches it to the running level. Root of the level makes a file of user 1000 in it. Shifted means mounted idmapped.",
		func(s *scenario) any { return s.attachVolume }, changes,
	},
	{
		When, `^a directory of level (\d+) with a file of its root is attached to the level below( with shift=true)?$`,
		"The level's LXD attaches the directory to the running level below. shift=true means mounted idmapped.",
		func(s *scenario) any { return s.handDown }, changes,
	},
}

// storageGiven is what the Given steps describe about storage pools.
type storageGiven struct {
	drivers map[int]string // by level of the pool's LXD; 0 is the host
	options string
	chowns  bool // the host's LXD must not use idmapped mounts
}

// stored is the result of a When step in a pool: the level of the LXD, the operation, and its
// error.
type stored struct {
	place  int
	verb   string
	failed error
}

func (s *scenario) stored() (stored, error) { return resultOf[stored](s, "used a storage pool") }

// apply adds the storage settings of the Given steps to an order. The pool of the last level's LXD
// is not used.
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
