package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/image"
)

// imageSteps carry small images from LXD to LXD, and look at what is made of them.
var imageSteps = []step{
	{
		Given, `^the host's LXD has a (private |public |)(split|unified) image packed by (none|gzip|xz|zstd|squashfs)$`,
		"Of a megabyte, with a file each of users 0, 1000 and 65535, and the sentinel of every level's image; it is private unless it is said to be public.",
		func(s *scenario) any { return s.hasImage },
	},
	{
		Given, `^a file of the image belongs to user and group (\d+)$`,
		"One more than those of users 0, 1000 and 65535.",
		func(s *scenario) any { return func(id uint32) { s.image.owners = append(s.image.owners, id) } },
	},
	{
		When, `^the image is carried down to level (\d+), which is stopped while its files are pushed into it$`,
		"Level by level: exported from the LXD above, pushed into the level, imported there from the files that lie in it. That level is started again before its import.",
		func(s *scenario) any { return s.carryStopped },
	},
	{
		When, `^the image is carried down to level (\d+) and a container is made of it there$`,
		"Level by level: exported from the LXD above, pushed into the running level, imported there from the files that lie in it. The container is made beside the one that leads further down.",
		func(s *scenario) any { return s.carryAndLaunch },
	},
	{
		When, `^the first (half|\d+ bytes) of the image's (metadata|root filesystem) is imported at level (\d+), and a container made of it$`,
		"A transfer that broke off; the other file of the image is whole.",
		func(s *scenario) any { return s.importCut },
	},
	{
		When, `^a container made of it at level (\d+) is stopped and published as an image$`,
		"The image is carried down first; the LXD at that level packs it, by gzip.",
		func(s *scenario) any { return s.publish },
	},
	{
		When, `^a file is pushed into level (\d+) as user and group (\d+)$`,
		"Into the running level.",
		func(s *scenario) any { return s.pushAs },
	},
	{
		When, `^user (\d+) of level (\d+) asks the LXD above for the image$`,
		"A process of the level does, by /dev/lxd/sock.",
		func(s *scenario) any { return s.askForImage },
	},
	{
		Then, `^every LXD down to level (\d+) has the image under the fingerprint that it was made with$`,
		"And gives out the same bytes: their SHA-256 is the fingerprint.",
		func(s *scenario) any { return s.sameFingerprint },
	},
	{
		Then, `^the files of the image in level (\d+) belong to root of that level$`,
		"Looked at on the host.",
		func(s *scenario) any { return s.pushedOwner },
	},
	{
		Then, `^in the container the files of users 0, 1000 and 65535 have their owners$`,
		"By stat in the container, and by the host ids of its idmap on the host.",
		func(s *scenario) any { return s.launchedOwners },
	},
	{
		Then, `^in the container the file of user and group (\d+) belongs to (\d+)$`,
		"User and group, by stat in the container.",
		func(s *scenario) any { return s.launchedOwner },
	},
	{
		Then, `^the access control list of the sentinel (arrives|is lost) in the container$`,
		"Looked at on the host, in the host ids of the container's idmap.",
		func(s *scenario) any { return s.launchedACL },
	},
	{
		Then, `^it is refused at level (\d+) in operation "([^"]*)", which says "([^"]*)"$`,
		"The operation is push, or one of those of a build; it ends with an error of LXD's that has those words.",
		func(s *scenario) any { return s.imageRefused },
	},
	{
		Then, `^the published image at level (\d+) has the files of users 0, 1000 and 65535 with their owners$`,
		"Read in the tar that the LXD gives out; its SHA-256 is the fingerprint.",
		func(s *scenario) any { return s.publishedOwners },
	},
	{
		Then, `^the pushed file belongs to user and group (\d+) on the host$`,
		"Whether the push succeeded or not.",
		func(s *scenario) any { return s.pushedAsOwner },
	},
	{
		Then, `^the level gets the image, byte for byte$`,
		"The SHA-256 of what it gets is the fingerprint.",
		func(s *scenario) any { return s.askedAndGot },
	},
	{
		Then, `^the LXD above answers with status (\d+)$`,
		"Of HTTP: 401 to who is not the level's root, 403 where the level may not, 404 where there is no such image for it.",
		func(s *scenario) any { return s.askedAndRefused },
	},
}

// images is what scenarios about images keep.
type images struct {
	recipe    *image.Recipe
	public    bool
	owners    []uint32
	made      image.Image
	container *harness.Level
	// published is the fingerprint of what a LXD made itself.
	published string
	// refusal is how LXD refused what a When wanted.
	refusal error
	pushed  *harness.Level
	got     image.Image
}

const (
	launchedName = "small"
	pushedPath   = "/root/pushed"
)

func (s *scenario) hasImage(public, files, packing string) {
	s.image.public = public == "public "
	s.image.recipe = &image.Recipe{Packing: image.Packing(packing), Unified: files == "unified"}
	s.image.owners = []uint32{0, 1000, 65535}
}

// makeImage gives the scenario's own chain, whose host has the image of the Givens.
func (s *scenario) makeImage(ctx context.Context) (*harness.Chain, error) {
	if s.image.recipe == nil {
		return nil, errors.New("no Given gives the host's LXD an image")
	}
	chain, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	s.image.recipe.Owners = s.image.owners
	if s.image.made, err = image.Make(ctx, s.bundle, *s.image.recipe); err != nil {
		return nil, err
	}
	_, err = chain.ImportImage(ctx, 0, s.image.made, s.image.public)
	return chain, err
}

// keepRefusal keeps where an image got stuck, for the Thens.
func (s *scenario) keepRefusal(err error) error {
	var stuck *harness.CarryError
	if errors.As(err, &stuck) {
		s.image.refusal, err = err, nil
	}
	return err
}

func (s *scenario) carry(ctx context.Context, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	for l := 1; l <= level; l++ {
		if err := chain.CarryIn(ctx, l, s.image.made.Fingerprint()); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) carryStopped(ctx context.Context, level int) error {
	if err := s.carry(ctx, level-1); err != nil {
		return err
	}
	exported, err := s.chain.ExportImage(level-1, s.image.made.Fingerprint())
	if err != nil {
		return err
	}
	l, err := s.chain.Level(level)
	if err != nil {
		return err
	}
	if err := l.WhileStopped(ctx, func() error { return l.PushImage(exported) }); err != nil {
		return err
	}
	if err := s.reattach(ctx, level); err != nil {
		return err
	}
	if l, err = s.chain.Level(level); err != nil {
		return err
	}
	pushed, err := l.PushedImage(exported.Unified())
	if err != nil {
		return err
	}
	_, err = s.chain.ImportImage(ctx, level, pushed, false)
	return err
}

func (s *scenario) carryAndLaunch(ctx context.Context, level int) error {
	if err := s.carry(ctx, level); err != nil {
		return err
	}
	var err error
	s.image.container, err = s.chain.Launch(ctx, level, launchedName, s.image.made.Fingerprint())
	return s.keepRefusal(err)
}

func (s *scenario) importCut(ctx context.Context, much, file string, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	broken := s.image.made
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
		return fmt.Errorf("image: %s has %d bytes, too few to be cut", file, len(*cut))
	}
	*cut = (*cut)[:n]
	fingerprint, err := chain.ImportImage(ctx, level, broken, false)
	if err == nil {
		_, err = chain.Launch(ctx, level, launchedName, fingerprint)
	}
	return s.keepRefusal(err)
}

func (s *scenario) publish(ctx context.Context, level int) error {
	if err := s.carryAndLaunch(ctx, level); err != nil {
		return err
	}
	if s.image.refusal != nil {
		return s.image.refusal
	}
	var err error
	s.image.published, err = s.chain.Publish(ctx, level, launchedName)
	return err
}

func (s *scenario) pushAs(ctx context.Context, level int, id int64) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	if s.image.pushed, err = chain.Level(level); err != nil {
		return err
	}
	return s.keepRefusal(s.image.pushed.Push(pushedPath, []byte("pushed\n"), id))
}

func (s *scenario) askForImage(ctx context.Context, id uint32, level int) error {
	chain, err := s.makeImage(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	s.image.got, err = l.AskForImage(ctx, id, s.image.made.Fingerprint())
	var refused *harness.DevLXDError
	if errors.As(err, &refused) {
		s.image.refusal, err = err, nil
	}
	return err
}

func (s *scenario) sameFingerprint(level int) error {
	if s.image.refusal != nil {
		return s.image.refusal
	}
	for l := range level + 1 {
		got, err := s.chain.ExportImage(l, s.image.made.Fingerprint())
		if err != nil {
			return err
		}
		if found := got.Fingerprint(); found != s.image.made.Fingerprint() {
			return fmt.Errorf("level %d: SHA-256 of the exported image: wanted %s, got %s", l, s.image.made.Fingerprint(), found)
		}
	}
	return nil
}

func (s *scenario) pushedOwner(level int) error {
	l, err := s.chain.Level(level)
	if err != nil {
		return err
	}
	paths := []string{harness.CarriedMetadata}
	if !s.image.made.Unified() {
		paths = append(paths, harness.CarriedRootFS)
	}
	for _, path := range paths {
		if err := l.HasOwnerOnHost(path, 0); err != nil {
			return err
		}
	}
	return nil
}

// launched gives the container that was made of the image.
func (s *scenario) launched() (*harness.Level, error) {
	if s.image.container == nil {
		return nil, errors.Join(errors.New("no container was made of the image"), s.image.refusal)
	}
	return s.image.container, nil
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
		if err := l.HasOwnerOnHost(image.FileOf(id), id); err != nil {
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
	got, err := l.Exec(ctx, "stat", "-c", "%u:%g", image.FileOf(made))
	if err != nil {
		return err
	}
	if wanted := fmt.Sprintf("%d:%d", owner, owner); strings.TrimSpace(got) != wanted {
		return fmt.Errorf("container of the image at level %d: owner of its file of %d: wanted %s, got %s", l.Index-1, made, wanted, strings.TrimSpace(got))
	}
	return nil
}

func (s *scenario) launchedACL(what string) error {
	l, err := s.launched()
	if err != nil {
		return err
	}
	acl, err := l.SentinelACLOnHost()
	if err != nil {
		return err
	}
	if what == "is lost" {
		if acl != nil {
			return fmt.Errorf("container of the image at level %d: ACL of the sentinel: wanted none, got %+v", l.Index-1, *acl)
		}
		return nil
	}
	wanted, err := l.ACLWantedOnHost()
	if err == nil && (acl == nil || *acl != wanted) {
		err = fmt.Errorf("container of the image at level %d: ACL of the sentinel: wanted %+v on the host, got %+v", l.Index-1, wanted, acl)
	}
	return err
}

func (s *scenario) imageRefused(level int, operation, words string) error {
	op := harness.OpPush
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
	var stuck *harness.CarryError
	switch {
	case !errors.As(s.image.refusal, &stuck):
		return fmt.Errorf("wanted a refusal at level %d in operation %s, but LXD did it", level, op)
	case stuck.Level != level || stuck.Op != op || !pattern.MatchString(stuck.Err.Error()):
		return fmt.Errorf("wanted a refusal at level %d in operation %s that says %q, got %w", level, op, words, stuck)
	}
	return nil
}

func (s *scenario) publishedOwners(ctx context.Context, level int) error {
	exported, err := s.chain.ExportImage(level, s.image.published)
	if err != nil {
		return err
	}
	require.Equal(godog.T(ctx), s.image.published, exported.Fingerprint(), "SHA-256 of the published image")
	owners, err := exported.Owners()
	if err != nil {
		return err
	}
	for _, id := range []uint32{0, 1000, 65535} {
		if wanted, got := fmt.Sprintf("%d:%d", id, id), owners[image.FileOf(id)]; got != wanted {
			return fmt.Errorf("level %d: published image: owner of its file of %d: wanted %s, got %q", level, id, wanted, got)
		}
	}
	return nil
}

func (s *scenario) pushedAsOwner(id uint32) error {
	return s.image.pushed.IsOwnedOnHost(pushedPath, id)
}

func (s *scenario) askedAndGot() error {
	if s.image.refusal != nil {
		return s.image.refusal
	}
	if wanted, got := s.image.made.Fingerprint(), s.image.got.Fingerprint(); got != wanted {
		return fmt.Errorf("SHA-256 of the image by /dev/lxd: wanted %s, got %s", wanted, got)
	}
	return nil
}

func (s *scenario) askedAndRefused(status int) error {
	var refused *harness.DevLXDError
	if !errors.As(s.image.refusal, &refused) {
		return fmt.Errorf("/dev/lxd: wanted status %d, but it gave the image", status)
	}
	if refused.Status != status {
		return fmt.Errorf("wanted status %d, got %w", status, refused)
	}
	return nil
}
