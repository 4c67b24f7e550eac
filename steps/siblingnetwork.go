package steps

import (
	"cmp"
	"context"
	"errors"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/act/network"
)

// siblingNetworkSteps are about containers beside the chain that are on a bridge with its levels.
var siblingNetworkSteps = []step{
	{
		When, `^the bridge above level (\d+) gets an ACL that allows (nothing|everything that leaves the bridge)$`,
		"LXD makes the ACL, and adds it to the bridge while the level is connected to it. It rejects what the ACL does not allow.",
		func(s *scenario) any { return s.bridgeGetsACL }, changes,
	},
	{
		When, `^root of sibling ([A-Z]) at level (\d+) takes another (?P<address>IPv4|hardware) address$`,
		"Replaces the address of the sibling's interface by one that nobody else on the bridge has.",
		func(s *scenario) any { return s.takesAddress }, changes,
	},
	{
		Then, oneSibling + `(?P<wanted>reaches|does not reach) the level beside it by (?P<family>IPv4|IPv6)$`,
		"The server has the address of the interface of the chain's own level. The client waits for 5 s.",
		func(s *scenario) any { return s.siblingReachesLevel }, shares,
	},
	{
		Then, oneSibling + `(?P<wanted>reaches|does not reach) a server on the host by (?P<family>IPv4|IPv6)$`,
		"The server has an address that no bridge has. The client waits for 5 s.",
		func(s *scenario) any { return s.siblingReachesHost }, shares,
	},
}

func (s *scenario) bridgeGetsACL(ctx context.Context, level int, allowed string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	if _, err := s.siblings(ctx, level); err != nil { // they are made before the ACL
		return err
	}
	var rules []api.NetworkACLRule
	if allowed != "nothing" {
		rules = append(rules, api.NetworkACLRule{Action: "allow", State: "enabled"})
	}
	return network.AddACL(ctx, l.Above(), rules...)
}

func (s *scenario) takesAddress(ctx context.Context, name string, level int, kind string) error {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return err
	}
	l, err := siblings.Get(name)
	if err != nil {
		return err
	}
	if kind == "hardware" {
		return network.TakeHardware(ctx, l)
	}
	beside, err := s.addressOf(ctx, level, network.IPv4)
	if err != nil {
		return err
	}
	return network.TakeIPv4(ctx, l, beside)
}

func (s *scenario) siblingReachesLevel(ctx context.Context, name string, level int, wanted, family string) error {
	f := network.Family(family)
	at, err := s.addressOf(ctx, level, f)
	if err != nil {
		return err
	}
	beside, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	return s.siblingReaches(ctx, name, level, wanted, "the level beside it", f, func() (*network.Server, error) { return network.ServeAt(ctx, beside, at) })
}

func (s *scenario) siblingReachesHost(ctx context.Context, name string, level int, wanted, family string) error {
	f := network.Family(family)
	return s.siblingReaches(ctx, name, level, wanted, "a server on the host", f, func() (*network.Server, error) { return network.Serve(ctx, s.host, f) })
}

func (s *scenario) siblingReaches(ctx context.Context, name string, level int, wanted, whom string, family network.Family, serve func() (*network.Server, error)) error {
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	client, err := siblings.Get(name)
	if err != nil {
		return err
	}
	_, err = ask(ctx, client, family, 0, serve)
	return compareReach("sibling "+name, wanted, whom, family, err)
}

// compareReach compares the error of a connection with what is wanted: "reaches" or "does not
// reach".
func compareReach(client, wanted, whom string, family network.Family, err error) error {
	if err != nil && !errors.Is(err, network.ErrNoAnswer) {
		return err
	}
	if (err == nil) != (wanted == "reaches") {
		return mismatchf("wanted that %s %s %s by %s, got: %w", client, wanted, whom, family, cmp.Or(err, errReached))
	}
	return nil
}

// errReached is shown in the place of an error if there is a connection.
var errReached = errors.New("it is reached")
