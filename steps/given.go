package steps

import (
	"github.com/cucumber/godog"

	"nestbed/harness/idmap"
)

func (s *scenario) registerGivens(sc *godog.ScenarioContext) {
	sc.Given(`^an LXD host whose root allocation is "([^"]*)"$`, s.hostAllocation)
	sc.Given(`^an LXD host without a root allocation$`, s.noHostAllocation)
	sc.Given(`^the host's subgid allocation is "([^"]*)"$`, s.hostSubGID)
	sc.Given(`^newuidmap is installed on the host but at no level$`, s.noNewuidmapInLevels)
	sc.Given(`^newuidmap is installed neither on the host nor at any level$`, s.noNewuidmap)
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

func (s *scenario) noNewuidmapInLevels() { s.levelBundle = s.bundles.NoShadow }

func (s *scenario) noNewuidmap() { s.bundle = s.bundles.NoShadow }
