package steps

import (
	"errors"

	"nestbed/harness/idmap"
)

// Parts of the steps that need a special bundle.
const (
	newuidmapIs = "newuidmap is installed "
	everywhere  = "is installed on the host and at every level"
)

var hostSteps = []step{
	{
		Given, `^an LXD host whose root allocation is "([^"]*)"$`,
		"The line of root in /etc/subuid and /etc/subgid of the host.",
		func(s *scenario) any { return s.hostAllocation }, shares,
	},
	{
		Given, `^an LXD host without a root allocation$`,
		"Both files are there on the host, and empty.",
		func(s *scenario) any { return s.noHostAllocation }, shares,
	},
	{
		Given, `^the host's subgid allocation is "([^"]*)"$`,
		"The line of root in /etc/subgid of the host, where it is another than in /etc/subuid.",
		func(s *scenario) any { return s.hostSubGID }, shares,
	},
	{
		Given, `^the host has no pid namespace of its own$`,
		"It is in that of the machine, as the machine's own LXD is, which leaves the kernel room for one level more.",
		func(s *scenario) any { return s.sharesPIDs }, shares,
	},
	{
		Given, `^` + newuidmapIs + `on the host but at no level$`,
		"liblxc writes the idmaps of level 2 and below itself, as in the snap.",
		func(s *scenario) any { return s.noNewuidmapInLevels }, shares,
	},
	{
		Given, `^` + newuidmapIs + `neither on the host nor at any level$`,
		"liblxc writes all idmaps itself, as in the snap.",
		func(s *scenario) any { return s.noNewuidmap }, shares,
	},
	{
		Given, `^(?:usermod|btrfs|crun|lxc|lxcfs) ` + everywhere + `$`,
		"The program comes with the bundle; others of these may, too.",
		func(s *scenario) any { return s.withTools }, shares,
	},
}

func (s *scenario) hostAllocation(text string) error {
	a, err := idmap.ParseAllocation(text)
	s.allocation = idmap.Delegate(a)
	return err
}

func (s *scenario) noHostAllocation() { s.allocation = idmap.Delegation{} }

func (s *scenario) hostSubGID(text string) error {
	a, err := idmap.ParseAllocation(text)
	s.allocation.GID = idmap.NewFile(a)
	return err
}

func (s *scenario) sharesPIDs() { s.sharePIDs = true }

func (s *scenario) noNewuidmapInLevels() { s.levelBundle = s.pool.NoShadow }

func (s *scenario) noNewuidmap() { s.bundle = s.pool.NoShadow }

func (s *scenario) withTools() error {
	if s.pool.Tools == nil {
		return errors.New("there is no bundle with tools: the scenario lacks the tag @requires-tools")
	}
	s.bundle = s.pool.Tools
	return nil
}
