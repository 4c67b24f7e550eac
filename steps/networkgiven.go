package steps

import (
	"fmt"
	"maps"
	"slices"

	"nestbed/harness"
	"nestbed/harness/act/network"
	"nestbed/harness/bridge"
)

var networkGivenSteps = []step{
	{
		Given, `^every level is connected to a bridge of the LXD above$`,
		"The LXD makes a managed bridge with chosen addresses and NAT. The level, and each sibling of it, has an interface on it, and gets its addresses from dnsmasq.",
		func(s *scenario) any { return s.connected }, shares,
	},
	{
		Given, `^the bridge above level (\d+) has (?P<key>[a-z0-9.]+) "([^"]*)"$`,
		"Adds a key to the configuration with which the LXD makes the bridge. Empty text removes one.",
		func(s *scenario) any { return s.bridgeHas }, shares,
	},
	{
		Given, `^the interface of level (\d+) has (?P<key>[a-z0-9._]+) "([^"]*)"$`,
		"Adds a key to the configuration of the level's network device.",
		func(s *scenario) any { return s.interfaceHas }, shares,
	},
	{
		Given, `^the interface of sibling ([A-Z]) at level (\d+) has (?P<key>[a-z0-9._]+) "([^"]*)"$`,
		"Adds a key to the configuration of the sibling's network device.",
		func(s *scenario) any { return s.siblingInterfaceHas }, shares,
	},
	{
		Given, `^the firewall above level (\d+) (?P<wanted>sees|does not see) what its bridges forward$`,
		"Sets net.bridge.bridge-nf-call-iptables in the network namespace of the level above, before the level is made.",
		func(s *scenario) any { return s.firewallSees }, shares,
	},
}

// networkGiven is what the Given steps say about the bridges.
type networkGiven struct {
	connected bool
	bridges   map[int]map[string]string // by the level that is connected to the bridge
	// interfaces are the network devices that have more keys than others. The chain's own level has
	// no name among its siblings.
	interfaces map[siblingKey]map[string]string
}

func (s *scenario) connected() { s.network.connected = true }

func (s *scenario) bridgeHas(level int, key, value string) {
	set(&s.network.bridges, level, key, value)
}

func (s *scenario) interfaceHas(level int, key, value string) {
	s.siblingInterfaceHas("", level, key, value)
}

func (s *scenario) siblingInterfaceHas(name string, level int, key, value string) {
	set(&s.network.interfaces, siblingKey{name, level}, key, value)
}

func (s *scenario) firewallSees(level int, wanted string) {
	s.hooks = append(s.hooks, network.FirewallSees(level, wanted == "sees"))
}

// set sets a key in the configuration that configs have for an object.
func set[K comparable](configs *map[K]map[string]string, object K, key, value string) {
	if *configs == nil {
		*configs = map[K]map[string]string{}
	}
	if (*configs)[object] == nil {
		(*configs)[object] = map[string]string{}
	}
	(*configs)[object][key] = value
}

// apply adds the bridges, and the interfaces on them, to a spec.
func (g networkGiven) apply(spec *harness.Spec) error {
	described := slices.Collect(maps.Keys(g.bridges))
	for of := range g.interfaces {
		described = append(described, of.level)
	}
	for _, level := range described {
		if !g.connected || level < 1 || level > len(spec.Levels) {
			return fmt.Errorf("the network of level %d is described, but it has none: add \"every level is connected to a bridge of the LXD above\", or a level", level)
		}
	}
	for i := range spec.Levels {
		if !g.connected {
			break
		}
		config := bridge.Config(i + 1)
		maps.Copy(config, g.bridges[i+1])
		maps.DeleteFunc(config, func(_, value string) bool { return value == "" })
		spec.Levels[i].Network, spec.Levels[i].Interface = config, g.interfaces[siblingKey{level: i + 1}]
	}
	return nil
}
