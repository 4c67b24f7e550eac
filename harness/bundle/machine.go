package bundle

import (
	"path/filepath"

	"nestbed/harness/internal/inroot"
)

// OfMachine is what can be found out about a daemon that a machine runs by itself, of the given version, by the
// root directory that it sees and the path of its program there. It is no bundle that a level could run: it has no image.
func OfMachine(root *inroot.Root, program, version string) (b *Bundle, err error) {
	b = &Bundle{LXD: version, Flavor: flavorOf(filepath.Base(program), version)}
	if b.DeniesUserNS, err = deniesUserNS(root, program); err != nil {
		return nil, err
	}
	if b.Package, err = packageOf(root, program); err != nil {
		return nil, err
	}
	b.ShadowTools = hasShadowTools(root)
	return b, nil
}

// Elsewhere is what is known about a daemon on another machine by what it says of itself. How it finds ids there is not: it counts
// as one that reads them from the files of its machine.
func Elsewhere(server, version string) *Bundle {
	return &Bundle{LXD: version, Flavor: flavorOf(DaemonOf(server), version), ShadowTools: true}
}

// DaemonOf is the name of a daemon's program, by what it calls itself in its API (environment.server).
func DaemonOf(server string) string {
	if server == "incus" {
		return incusDaemon
	}
	return lxdDaemon
}
