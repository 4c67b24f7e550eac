package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/image"
	"nestbed/harness/act/life"
	"nestbed/harness/bundle/imagefile"
)

// imageSteps copy small images from LXD to LXD and create containers from them.
var imageSteps = []step{
	{
		Given, `^the host's LXD has a (private |public |)(split|unified) image packed by (none|gzip|xz|zstd|squashfs)$`,
		"Makes an image of about a megabyte with one file each of users 0, 1000 and 65535, and with the sentinel, a test file that every level's image has. It is private unless the step says public.",
		func(s *scenario) any { return s.hasImage }, shares,
	},
	{
		Given, `^a file of the image belongs to user and group (\d+)$`,
		"Adds a file to those of users 0, 1000 and 65535.",
		func(s *scenario) any { return func(id uint32) { s.image.owners = append(s.image.owners, id) } }, shares,
	},
	{
		Given, `^the image is for the architecture (\w+)$`,
		"Sets the architecture in the image's metadata, by the kernel's name.",
		func(s *scenario) any { return s.imageIsFor }, shares,
	},
	{
		When, `^the image is carried down to level (\d+), which is stopped during the push$`,
		"Copies the image level by level: exports it from the LXD above, pushes the files into the level and imports them there. The last level is stopped during the push and started before the import.",
		func(s *scenario) any { return s.carryStopped }, changes,
	},
	{
		When, `^the image is carried down to level (\d+) and a container is created from it there$`,
		"Copies the image level by level: exports it from the LXD above, pushes the files into the running level and imports them there. The container is created beside the chain.",
		func(s *scenario) any { return s.carryAndLaunch }, changes,
	},
	{
		When, `^the first (half|\d+ bytes) of the image's (metadata|root filesystem) is imported at level (\d+) and a container is created from it$`,
		"Simulates an interrupted transfer. The other file of a split image is complete.",
		func(s *scenario) any { return s.importCut }, changes,
	},
	{
		When, `^a container created from the image at level (\d+) is stopped and published as an image$`,
		"Carries the image down first. The LXD at that level packs the published image with gzip.",
		func(s *scenario) any { return s.publish }, changes,
	},
	{
		When, `^a container created from the image at level (\d+) is published, and the published image is carried out to the host$`,
		"Copies the published image level by level: exports it to a file of the level, pulls the file out and imports it into the LXD above. A container is created from it on the host.",
		func(s *scenario) any { return s.carryOut }, changes,
	},
}

var errNoImage = errors.New("no image: no Given step makes one for the host's LXD")

// imageGiven is the image that the Given steps describe.
type imageGiven struct {
	recipe *imagefile.Recipe
	public bool
	owners []uint32
}

// carried is the result of a When step with an image.
type carried struct {
	made      imagefile.Image
	container *harness.Level
	// published is the fingerprint of the image that an LXD published.
	published string
	// refusal is the error with which LXD refused.
	refusal error
	pushed  *harness.Level
	got     imagefile.Image
}

// carrying returns the result of the running When step so far.
func (s *scenario) carrying() *carried {
	did, is := s.did.(*carried)
	if !is {
		did = &carried{}
		s.did = did
	}
	return did
}

// carried returns the result of the When step.
func (s *scenario) carried() (*carried, error) {
	return resultOf[*carried](s, "handled an image")
}

const (
	launchedName = "small"
	pushedPath   = "/root/pushed"
)

func (s *scenario) hasImage(public, files, packing string) {
	s.image.public = public == "public "
	s.image.recipe = &imagefile.Recipe{Packing: imagefile.Packing(packing), Unified: files == "unified"}
	s.image.owners = []uint32{0, 1000, 65535}
}

func (s *scenario) imageIsFor(architecture string) error {
	if s.image.recipe == nil {
		return errNoImage
	}
	s.image.recipe.Architecture = architecture
	return nil
}

// makeImage imports the image of the Given steps on the host of the scenario's own chain, and
// returns the chain.
func (s *scenario) makeImage(ctx context.Context) (*harness.Chain, error) {
	if s.image.recipe == nil {
		return nil, errNoImage
	}
	chain, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	s.image.recipe.Owners = s.image.owners
	if s.carrying().made, err = imagefile.Make(ctx, s.bundle, *s.image.recipe); err != nil {
		return nil, err
	}
	_, err = image.Import(ctx, chain, 0, s.carrying().made, s.image.public)
	return chain, err
}

// keepRefusal records LXD's refusal of an image for the Then steps, and returns any other error.
func (s *scenario) keepRefusal(err error) error {
	var stuck *image.StuckError
	if errors.As(err, &stuck) {
		s.carrying().refusal, err = err, nil
	}
	return err
}

func (s *scenario) carry(ctx context.Context, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	for l := 1; l <= level; l++ {
		if err := image.CarryIn(ctx, chain, l, s.carrying().made.Fingerprint()); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) carryStopped(ctx context.Context, level int) error {
	if err := s.carry(ctx, level-1); err != nil {
		return err
	}
	exported, err := image.Export(ctx, s.chain, level-1, s.carrying().made.Fingerprint())
	if err != nil {
		return err
	}
	l, err := s.chain.Level(level)
	if err != nil {
		return err
	}
	if err := life.WhileStopped(ctx, l, func() error { return image.Push(ctx, l, exported) }); err != nil {
		return err
	}
	if err := s.reattach(ctx, level); err != nil {
		return err
	}
	if l, err = s.chain.Level(level); err != nil {
		return err
	}
	pushed, err := image.Pushed(ctx, l, exported.Unified())
	if err != nil {
		return err
	}
	_, err = image.Import(ctx, s.chain, level, pushed, false)
	return err
}

func (s *scenario) carryAndLaunch(ctx context.Context, level int) error {
	if err := s.carry(ctx, level); err != nil {
		return err
	}
	var err error
	s.carrying().container, err = image.Launch(ctx, s.chain, level, launchedName, s.carrying().made.Fingerprint())
	return s.keepRefusal(err)
}

func (s *scenario) importCut(ctx context.Context, much, file string, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	broken := s.carrying().made
	cut := &broken.Metadata
	if file == "root filesystem" {
		cut = &broken.RootFS
	}
	n := len(*cut) / 2
	if number, ok := strings.CutSuffix(much, " bytes"); ok {
		if n, err = strconv.Atoi(number); err != nil {
			return err
		}
	}
	if len(*cut) <= n {
		return fmt.Errorf("image: %s has only %d bytes; use fewer in the step", file, len(*cut))
	}
	*cut = (*cut)[:n]
	fingerprint, err := image.Import(ctx, chain, level, broken, false)
	if err == nil {
		_, err = image.Launch(ctx, chain, level, launchedName, fingerprint)
	}
	return s.keepRefusal(err)
}

func (s *scenario) publish(ctx context.Context, level int) error {
	if err := s.carryAndLaunch(ctx, level); err != nil {
		return err
	}
	if s.carrying().refusal != nil {
		return s.carrying().refusal
	}
	var err error
	s.carrying().published, err = image.Publish(ctx, s.chain, level, launchedName)
	return err
}

func (s *scenario) carryOut(ctx context.Context, level int) error {
	if err := s.publish(ctx, level); err != nil {
		return err
	}
	did := s.carrying()
	for ; level > 0; level-- {
		if err := image.CarryOut(ctx, s.chain, level, did.published); err != nil {
			return err
		}
	}
	var err error
	did.container, err = image.Launch(ctx, s.chain, 0, launchedName, did.published)
	return s.keepRefusal(err)
}
