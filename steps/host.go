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
		"Writes root's line in /etc/subuid and /etc/subgid of the host.",
		func(s *scenario) any { return s.hostAllocation }, shares,
	},
	{
		Given, `^an LXD host without a root allocation$`,
		"Both subid files of the host exist and are empty.",
		func(s *scenario) any { return s.noHostAllocation }, shares,
	},
	{
		Given, `^the host's subgid allocation is "([^"]*)"$`,
		"Writes root's line in /etc/subgid of the host, if it differs from /etc/subuid.",
		func(s *scenario) any { return s.hostSubGID }, shares,
	},
	{
		Given, `^the host shares the machine's pid namespace$`,
		"The host runs in the machine's pid namespace, like an existing LXD. The kernel then has room for one more level.",
		func(s *scenario) any { return s.sharesPIDs }, shares,
	},
	{
		Given, `^` + newuidmapIs + `on the host but at no level$`,
		"liblxc itself writes the idmaps of level 2 and below, as in the snap.",
		func(s *scenario) any { return s.noNewuidmapInLevels }, shares,
	},
	{
		Given, `^` + newuidmapIs + `neither on the host nor at any level$`,
		"liblxc itself writes all idmaps, as in the snap.",
		func(s *scenario) any { return s.noNewuidmap }, shares,
	},
	{
		Given, `^(?:usermod|btrfs|crun|lxc|lxcfs|dnsmasq|runc) ` + everywhere + `$`,
		"Uses the bundle that contains these programs. It may contain the others, too.",
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
		return errors.New("no bundle with tools; tag the scenario @requires-tools")
	}
	s.bundle = s.pool.Tools
	return nil
}
