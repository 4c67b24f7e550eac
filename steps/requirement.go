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

// requirements are what single scenarios need of the machine, and of the kind of host. address is that of an existing LXD.
func requirements(ctx context.Context, source bundle.Source, address string) []inventory.Requirement {
	all := append(inventory.Capabilities(source), inventory.Privacy(address != ""), inventory.Entry(address),
		inventory.Requirement{For: requiresOtherBundles, Name: "bundles", OK: true, Found: "root makes them"})
	if os.Geteuid() == 0 {
		return all
	}
	for i := range all {
		switch all[i].For {
		case requiresDebian:
			all[i].OK, all[i].Found, all[i].Mend = false, "bundles of Debian's are root's to make", "run it as root or with sudo"
		case requiresTools:
			all[i] = madeByRoot(ctx, all[i], withTools(source))
		case requiresOtherBundles:
			all[i] = madeByRoot(ctx, all[i], withoutNewuidmap(source))
		}
	}
	return all
}

// madeByRoot is a requirement that takes a bundle as well, which only root can make.
func madeByRoot(ctx context.Context, r inventory.Requirement, s bundle.Source) inventory.Requirement {
	if !r.OK {
		return r
	}
	if _, err := bundle.Make(ctx, s, nil); err != nil {
		r.OK, r.Found, r.Mend = false, "no bundle "+s.String()+" that root has made", "as root, nestbed up --depth 1 --bundle "+s.String()
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
