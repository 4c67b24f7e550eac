package bundle

import "nestbed/harness/idmap"

// The daemons; the skeleton's lxd starts them under the same names.
const (
	lxdDaemon   = "lxd"
	incusDaemon = "incusd"
)

// daemonOf tells by its programs which daemon a root filesystem has. One with
// neither counts as LXD's, and is then found to lack that; one with both runs LXD.
func daemonOf(root string) string {
	if !hasProgram(root, lxdDaemon) && hasProgram(root, incusDaemon) {
		return incusDaemon
	}
	return lxdDaemon
}

// flavorOf tells whose rules the daemon of a root filesystem follows, which has the given version.
func flavorOf(root, version string) idmap.Flavor {
	if daemonOf(root) == incusDaemon {
		return idmap.Incus
	}
	switch version {
	case "5.0.0", "5.0.1", "5.0.2":
		return idmap.LXD502
	}
	return idmap.LXD
}

// needed are the programs of a bundle with the daemon.
func needed(daemon string) []string { return append([]string{daemon}, required...) }
