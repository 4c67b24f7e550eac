package steps

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/network"
)

// networkOutcomeSteps check what levels reach and see.
var networkOutcomeSteps = []step{
	{
		Then, `^the server sees the address of level (\d+)$`,
		"The address of the level's own interface.",
		func(s *scenario) any { return s.serverSees }, shares,
	},
	{
		Then, `^level (\d+) (?P<wanted>reaches|does not reach) a server on the host by (?P<family>IPv4|IPv6)$`,
		"The server has an address that no bridge has. The client waits for 5 s.",
		func(s *scenario) any { return s.reaches }, shares,
	},
	{
		Then, `^level (\d+) sends (?P<kB>\d+) kB to a server on the host by (?P<family>IPv4|IPv6)$`,
		"All of it arrives.",
		func(s *scenario) any { return s.sends }, shares,
	},
	{
		Then, `^the answer is the address of level (\d+)$`,
		"Exactly this address, which that level has.",
		func(s *scenario) any { return s.answerIs }, shares,
	},
	{
		Then, `^there is no such name$`,
		"The DNS server says that the name has no such address.",
		func(s *scenario) any { return s.noSuchName }, shares,
	},
	{
		Then, `^no two bridges have addresses in common$`,
		"Compares the networks of all bridges of the chain.",
		func(s *scenario) any { return s.disjoint }, shares,
	},
	{
		Then, `^the network interfaces of level (\d+) are$`,
		"All that root of the level sees, without the ends of those of its containers.",
		func(s *scenario) any { return s.interfaces }, shares,
	},
}

// addressOf returns the address of a level's interface.
func (s *scenario) addressOf(ctx context.Context, level int, family network.Family) (netip.Addr, error) {
	l, err := s.level(ctx, level)
	if err != nil {
		return netip.Addr{}, err
	}
	address, err := network.Address(ctx, l, harness.Interface, family)
	if err != nil {
		return address, fmt.Errorf("level %d: %w", level, err)
	}
	return address, nil
}

func (s *scenario) serverSees(ctx context.Context, level int) error {
	did, err := resultOf[connection](s, "connected to a server")
	if err != nil {
		return err
	}
	wanted, err := s.addressOf(ctx, level, did.family)
	if err != nil {
		return err
	}
	return s.equal("address that the server sees", wanted.String(), did.answer.From.String())
}

func (s *scenario) reaches(ctx context.Context, level int, wanted, family string) error {
	_, err := s.askServer(ctx, level, network.Family(family), 0)
	return compareReach(fmt.Sprintf("level %d", level), wanted, "a server on the host", network.Family(family), err)
}

func (s *scenario) sends(ctx context.Context, level int, kB int64, family string) error {
	answer, err := s.askServer(ctx, level, network.Family(family), kB*1000)
	if err != nil {
		return err
	}
	return s.equal("bytes that arrive", kB*1000, answer.Bytes)
}

func (s *scenario) answerIs(ctx context.Context, level int) error {
	did, err := resultOf[lookup](s, "looked up an address")
	if err != nil {
		return err
	}
	wanted, err := s.addressOf(ctx, level, did.family)
	if err != nil {
		return err
	}
	if did.err != nil {
		return mismatchf("wanted %s, the address of level %d, but %w", wanted, level, did.err)
	}
	return s.equal("answer", []string{wanted.String()}, texts(did.found))
}

func texts(addresses []netip.Addr) (all []string) {
	for _, a := range addresses {
		all = append(all, a.String())
	}
	return all
}

func (s *scenario) noSuchName() error {
	did, err := resultOf[lookup](s, "looked up an address")
	if err != nil {
		return err
	}
	return s.equal("the name has an address", false, did.err == nil)
}

func (s *scenario) disjoint(ctx context.Context) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	common, all := "none", []netip.Prefix{}
	for level := range chain.Levels {
		d, err := chain.Daemon(level)
		if err != nil {
			return err
		}
		prefixes, err := network.Prefixes(ctx, d)
		if err != nil {
			return err
		}
		for _, p := range prefixes {
			for _, other := range all {
				if p.Overlaps(other) {
					common = fmt.Sprint(p, " and ", other)
				}
			}
		}
		all = append(all, prefixes...)
	}
	return s.equal("addresses in common", "none", common)
}

func (s *scenario) interfaces(ctx context.Context, level int, table *godog.Table) error {
	rows, err := readTable(table, "interface", "MTU")
	if err != nil {
		return err
	}
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	found, err := network.Interfaces(l)
	if err != nil {
		return err
	}
	var wanted, got []string
	for _, row := range rows {
		wanted = append(wanted, row["interface"]+" "+row["MTU"])
	}
	for _, i := range found {
		got = append(got, i.Name+" "+strconv.Itoa(i.MTU))
	}
	return s.equal(fmt.Sprintf("network interfaces of level %d", level), wanted, got)
}
