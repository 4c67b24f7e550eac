package steps

import (
	"context"
	"errors"
	"net/netip"

	"nestbed/harness"
	"nestbed/harness/act/network"
)

var networkSteps = []step{
	{
		When, `^level (\d+) connects to a server on the host by (?P<family>IPv4|IPv6)$`,
		"The server has an address that no bridge has, and answers with the address that it sees. The client waits for 5 s.",
		func(s *scenario) any { return s.connects }, shares,
	},
	{
		When, `^level (\d+) looks up the (?P<family>IPv4|IPv6) address of level (\d+)$`,
		"By its name in the domain of the bridge that it is connected to, such as c2.lxd.",
		func(s *scenario) any { return s.looksUp }, shares,
	},
	{
		When, `^the bridge above level (\d+) gets (?P<key>[a-z0-9.]+) "([^"]*)"$`,
		"Changes the configuration of the bridge while the level is connected to it.",
		func(s *scenario) any { return s.bridgeGets }, changes,
	},
	{
		When, `^root of level (\d+) deletes all firewall rules that it sees$`,
		"The rules of nftables in the level's network namespace.",
		func(s *scenario) any { return s.flushFirewall }, changes,
	},
}

// connectSeconds is how long a client waits for a connection.
const connectSeconds = 5

// askServer connects a level to a new server on the host, and sends it so many bytes. The error is
// network.ErrNoAnswer if there is no connection.
func (s *scenario) askServer(ctx context.Context, level int, family network.Family, bytes int64) (network.Answer, error) {
	l, err := s.level(ctx, level)
	if err != nil {
		return network.Answer{}, err
	}
	return ask(ctx, l, family, bytes, func() (*network.Server, error) { return network.Serve(ctx, s.host, family) })
}

// ask connects a client to a new server.
func ask(ctx context.Context, client *harness.Level, family network.Family, bytes int64, serve func() (*network.Server, error)) (network.Answer, error) {
	if family == network.IPv6 { // its address comes a moment after the IPv4 address
		if _, err := network.Address(ctx, client, harness.Interface, family); err != nil {
			return network.Answer{}, err
		}
	}
	server, err := serve()
	if err != nil {
		return network.Answer{}, err
	}
	answer, err := server.Ask(ctx, client, connectSeconds, bytes)
	return answer, errors.Join(err, server.Close())
}

// connection is the result of a connection to the server.
type connection struct {
	family network.Family
	answer network.Answer
}

func (s *scenario) connects(ctx context.Context, level int, family string) (err error) {
	did := connection{family: network.Family(family)}
	did.answer, err = s.askServer(ctx, level, did.family, 0)
	s.did = did
	return err
}

func (s *scenario) bridgeGets(ctx context.Context, level int, key, value string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return network.Configure(ctx, l.Above(), map[string]string{key: value})
}

func (s *scenario) flushFirewall(ctx context.Context, level int) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return network.FlushFirewall(ctx, l)
}

// lookup is the result of a question for a name.
type lookup struct {
	family network.Family
	found  []netip.Addr
	err    error
}

func (s *scenario) looksUp(ctx context.Context, level int, family string, of int) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	if _, err := s.chain.Level(of); err != nil {
		return err
	}
	flavor := s.chain.Spec.DaemonBundle(s.chain.Host.Traits(), of-1).Flavor
	did := lookup{family: network.Family(family)}
	did.found, did.err = network.Resolve(ctx, l, network.Name(flavor, s.chain.Spec.Levels[of-1], of), did.family)
	s.did = did
	if did.err != nil && !errors.Is(did.err, network.ErrNoName) {
		return did.err
	}
	return nil
}
