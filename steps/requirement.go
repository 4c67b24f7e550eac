package steps

import (
	"context"
	"os"

	"nestbed/harness/bundle"
	"nestbed/harness/inventory"
)

// The tags of scenarios that need other bundles than the run's own.
const (
	requiresTools        = "@requires-tools"
	requiresDebian       = "@requires-debian"
	requiresOtherBundles = "@requires-other-bundles"
)

// tags are the tags of scenarios, by the requirement that the machine must meet.
var tags = map[string]string{
	inventory.Tools: requiresTools, inventory.Debian: requiresDebian, inventory.Btrfs: "@requires-btrfs", inventory.FUSE: "@requires-fuse",
	inventory.BrNetfilter: "@requires-br-netfilter",
	inventory.Speed:       "@requires-speed", inventory.PrivateHost: "@requires-private-host", inventory.Root: "@requires-root",
	inventory.OnCgroup1: "@on-cgroup1", inventory.OnCgroup2: "@on-cgroup2", inventory.OnAppArmor: "@on-apparmor",
	inventory.OnNoAppArmor: "@on-no-apparmor", inventory.OnMediation: "@on-userns-mediation",
}

// Requirements returns the requirements of single scenarios on this machine, by tag, for the
// bundle of a source. It makes bundles in the store.
func Requirements(store bundle.Store, source bundle.Source) []inventory.Requirement {
	return tagged(inventory.Capabilities(store, source))
}

// tagged sets For of each requirement to the tag of its scenarios.
func tagged(all []inventory.Requirement) []inventory.Requirement {
	for i := range all {
		all[i].For = tags[all[i].For]
	}
	return all
}

// requirements returns the requirements of single scenarios on the machine and on the kind of
// host. address is the address of an existing LXD, or "".
func requirements(ctx context.Context, store bundle.Store, source bundle.Source, address string) []inventory.Requirement {
	all := append(tagged(append(inventory.Capabilities(store, source), inventory.PrivateHosts(address != ""), inventory.LocalRoot(address))),
		inventory.Requirement{For: requiresOtherBundles, Name: "bundles", OK: true, Found: "can be made by root"})
	if os.Geteuid() == 0 {
		return all
	}
	for i := range all {
		switch all[i].For {
		case requiresDebian:
			all[i].OK, all[i].Found, all[i].Fix = false, "only root can make Debian bundles", "run it as root or with sudo"
		case requiresTools:
			all[i] = madeByRoot(ctx, store, all[i], withTools(source))
		case requiresOtherBundles:
			all[i] = madeByRoot(ctx, store, all[i], withoutNewuidmap(source))
		}
	}
	return all
}

// madeByRoot adds to a requirement that the bundle of a source exists, because only root can make
// it.
func madeByRoot(ctx context.Context, store bundle.Store, r inventory.Requirement, s bundle.Source) inventory.Requirement {
	if !r.OK {
		return r
	}
	if _, err := store.Make(ctx, s); err != nil {
		r.OK, r.Found, r.Fix = false, "no bundle "+s.String()+"; only root can make it", "make the bundle as root"
		r.Cause = err
	}
	return r
}

func withTools(s bundle.Source) bundle.Source {
	s.Tools = true
	return s
}

func withoutNewuidmap(s bundle.Source) bundle.Source {
	s.NoShadow = true
	return s
}
