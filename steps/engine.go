package steps

import (
	"context"
	"errors"

	"nestbed/harness/act/workload"
)

var engineSteps = []step{
	{
		Given, `^Docker gives containers the ids that "([a-z]+)" is granted$`,
		"Sets dockerd's option userns-remap to this account of the level. The default is that containers have the ids of the level.",
		func(s *scenario) any { return s.dockerRemaps }, shares,
	},
	{
		Given, `^(?:Docker|Podman) stores images with (overlay2|overlay|fuse-overlayfs|vfs)$`,
		"The storage driver. The default is the first that works.",
		func(s *scenario) any { return s.engineStores }, shares,
	},
	{
		Given, `^the files of (?:Docker|Podman) are on an overlay filesystem$`,
		"As at a level whose root filesystem is one.",
		func(s *scenario) any { return s.engineOnOverlay }, shares,
	},
	{
		When, `^(?:root|user (\d+)) of level (\d+) builds an image with (Docker|Podman) and runs it$`,
		"Imports a base image that is made here, builds an image with a second layer from it, runs a container from that, and removes all of them. Containers of root have a network behind NAT.",
		func(s *scenario) any { return s.runEngine }, changesWhole,
	},
	{
		Then, `^the image is stored with (overlay2|overlay|fuse-overlayfs|vfs)$`,
		"Checks the storage driver that the engine reports.",
		func(s *scenario) any { return s.engineStored }, shares,
	},
	{
		Then, `^the container has the file that its image adds, and not the one that its image deletes$`,
		"The second layer of the image adds a file, and deletes one of the first layer.",
		func(s *scenario) any { return s.engineLayers }, shares,
	},
	{
		Then, `^no container and no image is left$`,
		"After the container and both images were removed.",
		func(s *scenario) any { return s.engineLeft }, shares,
	},
}

func (s *scenario) dockerRemaps(account string) { s.engine.IDsOf = account }

func (s *scenario) engineStores(driver string) { s.engine.Storage = driver }

func (s *scenario) engineOnOverlay() { s.engine.OnOverlay = true }

// runEngine runs an engine. Docker leaves a bridge and firewall rules, and two cannot run at one
// level at a time, so the chain cannot be shared.
func (s *scenario) runEngine(ctx context.Context, user string, level int, engine string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	spec := s.engine
	spec.Engine = workload.Engine(engine)
	if spec.User, err = userID(user); err != nil {
		return err
	}
	image, err := workload.RunEngine(ctx, l, spec)
	s.did = workloadRun{saw: image.Result, image: image, ended: err}
	return nil
}

// builtImage returns what was observed of the image and its container.
func (s *scenario) builtImage() (workload.EngineResult, error) {
	did, err := s.workload()
	return did.image, errors.Join(err, did.ended)
}

func (s *scenario) engineStored(driver string) error {
	saw, err := s.builtImage()
	if err != nil {
		return err
	}
	return s.equal("the engine's storage driver", driver, saw.Storage)
}

func (s *scenario) engineLayers() error {
	saw, err := s.builtImage()
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal("the container has the file that its image adds", true, saw.Added),
		s.equal("the container has the file that its image deletes", false, saw.Deleted),
	)
}

func (s *scenario) engineLeft() error {
	saw, err := s.builtImage()
	if err != nil {
		return err
	}
	return s.equal("containers and images that are left", "", saw.Left)
}
