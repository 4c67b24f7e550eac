package steps

import (
	"context"
	"os"

	"nestbed/harness/bundle"
	"nestbed/harness/inventory"
)

// The tags of scenarios that need a bundle beside the run's own.
const (
	requiresTools        = "@requires-tools"
	requiresDebian       = "@requires-debian"
	requiresOtherBundles = "@requires-other-bundles"
)

// tags are those of the scenarios that need something of the machine, or are for machines that have it.
var tags = map[string]string{
	inventory.Tools: requiresTools, inventory.Debian: requiresDebian, inventory.Btrfs: "@requires-btrfs", inventory.FUSE: "@requires-fuse",
	inventory.Speed: "@requires-speed", inventory.PrivateHost: "@requires-private-host", inventory.Root: "@requires-root",
	inventory.OnCgroup1: "@on-cgroup1", inventory.OnCgroup2: "@on-cgroup2", inventory.OnAppArmor: "@on-apparmor",
	inventory.OnNoAppArmor: "@on-no-apparmor", inventory.OnMediation: "@on-userns-mediation",
}

// Requirements returns what single scenarios need of this machine, each for the tag that they bear. They run the bundle of the source;
// bundles are made in the store.
func Requirements(store bundle.Store, source bundle.Source) []inventory.Requirement {
	return tagged(inventory.Capabilities(store, source))
}

// tagged has each requirement be for a tag.
func tagged(all []inventory.Requirement) []inventory.Requirement {
	for i := range all {
		all[i].For = tags[all[i].For]
	}
	return all
}

// requirements are what single scenarios need of the machine, and of the kind of host. address is that of an existing LXD.
func requirements(ctx context.Context, store bundle.Store, source bundle.Source, address string) []inventory.Requirement {
	all := append(tagged(append(inventory.Capabilities(store, source), inventory.Privacy(address != ""), inventory.Entry(address))),
		inventory.Requirement{For: requiresOtherBundles, Name: "bundles", OK: true, Found: "root makes them"})
	if os.Geteuid() == 0 {
		return all
	}
	for i := range all {
		switch all[i].For {
		case requiresDebian:
			all[i].OK, all[i].Found, all[i].Mend = false, "bundles of Debian's are root's to make", "run it as root or with sudo"
		case requiresTools:
			all[i] = madeByRoot(ctx, store, all[i], withTools(source))
		case requiresOtherBundles:
			all[i] = madeByRoot(ctx, store, all[i], withoutNewuidmap(source))
		}
	}
	return all
}

// madeByRoot is a requirement that takes a bundle as well, which only root can make.
func madeByRoot(ctx context.Context, store bundle.Store, r inventory.Requirement, s bundle.Source) inventory.Requirement {
	if !r.OK {
		return r
	}
	if _, err := store.Make(ctx, s); err != nil {
		r.OK, r.Found, r.Mend = false, "no bundle "+s.String()+" that root has made", "have root make it"
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
