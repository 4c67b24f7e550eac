package network

import (
	"context"
	"os"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/bridge"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// AddACL gives the bridge that the LXD d has an ACL of the same name, while levels are connected to
// it. What no rule allows is rejected.
func AddACL(ctx context.Context, d harness.Daemon, egress ...api.NetworkACLRule) error {
	err := lxdop.CreateNetworkACL(ctx, d.LXD(), api.NetworkACLsPost{
		NetworkACLPost: api.NetworkACLPost{Name: bridge.Name},
		NetworkACLPut:  api.NetworkACLPut{Egress: egress},
	})
	if err != nil {
		return err
	}
	return Configure(ctx, d, map[string]string{"security.acls": bridge.Name})
}

// FirewallSees returns a hook that sets whether the firewall above a level also filters what
// bridges forward, which it does at first (kernel: net/bridge/br_netfilter_hooks.c). The kernel
// needs br_netfilter.
func FirewallSees(level int, forwarded bool) harness.Hook {
	hook := harness.Hook{Level: level, Op: idmap.OpCreate, Name: "the firewall does not see what bridges forward"}
	value := "0"
	if forwarded {
		hook.Name, value = "the firewall sees what bridges forward", "1"
	}
	hook.Before = func(_ context.Context, _ *harness.Chain, l *harness.Level) (func() error, error) {
		return nil, l.Above().Root().InNetwork(func() error {
			return os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte(value), 0)
		})
	}
	return hook
}
