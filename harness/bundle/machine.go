package bundle

import (
	"os"
	"path/filepath"
	"strings"

	"nestbed/harness/internal/inroot"
)

// FromExisting returns what is known about the daemon of an existing LXD of the given version. root
// is the root directory that the daemon sees, and program its path there. No level can run this
// bundle, because it has no image.
func FromExisting(root *inroot.Root, program, version string) (b *Bundle, err error) {
	b = &Bundle{LXD: version, Flavor: flavorOf(filepath.Base(program), version)}
	if b.DeniesUserNS, err = deniesUserNS(root, program); err != nil {
		return nil, err
	}
	if b.Package, err = distinguish(root, root, program); err != nil {
		return nil, err
	}
	b.ShadowTools = hasShadowTools(root)
	b.Shadow, err = findShadow(root, root)
	return b, err
}

// FromRemote returns what is known about a daemon on another machine: the name and version that it
// reports. It assumes that the daemon has newuidmap and newgidmap and thus reads the subid files
// there.
func FromRemote(server, version string) *Bundle {
	return &Bundle{LXD: version, Flavor: flavorOf(DaemonProgram(server), version), ShadowTools: true}
}

// DaemonProgram returns the name of the daemon's program. server is the name in its API
// (environment.server).
func DaemonProgram(server string) string {
	if server == "incus" {
		return incusDaemon
	}
	return lxdDaemon
}

// distribution returns ID and VERSION_CODENAME of /etc/os-release (man 5 os-release).
func distribution() (id, codename string) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "this system", ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_CODENAME":
			codename = value
		}
	}
	return id, codename
}
