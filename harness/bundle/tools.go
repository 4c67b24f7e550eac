package bundle

import "os/exec"

var (
	// toolPrograms are what a bundle with Tools has for scenarios to run: none of them is needed to nest.
	toolPrograms = []string{"usermod", "btrfs", "mkfs.btrfs", "crun", "lxc-start", "lxc-stop", "lxc-info", "lxc-attach", "lxcfs", "losetup"}

	// toolPackages are Debian's packages that hold them.
	toolPackages = []string{"passwd", "btrfs-progs", "crun", "lxc", "lxcfs", "mount"}

	// toolSupport is what lxcfs loads as it runs, and its hook for liblxc.
	toolSupport = []string{"/usr/lib/*/lxcfs", "/usr/share/lxcfs"}

	// migrationPrograms are what a bundle with Migration has: lxd-to-incus asks rc-service for Incus
	// (Incus: cmd/lxd-to-incus/targets_openrc.go), which runs Debian's script of /etc/init.d.
	migrationPrograms = []string{"lxd-to-incus", "rc-service", "start-stop-daemon", "dash", "flock"}

	// migrationPackages are Debian's packages that hold them.
	migrationPackages = []string{"incus-extra", "openrc"}

	// migrationSupport is that script, and what it reads and runs.
	migrationSupport = []string{"/etc/init.d", "/etc/default", "/usr/lib/lsb", "/usr/libexec/incus"}
)

// ToolPackages are Debian's packages for a bundle of the installed LXD with Tools.
func ToolPackages() []string { return toolPackages }

// LackingTools are the programs that a bundle with Tools needs and this machine has not.
func LackingTools() []string { return lacking(toolPrograms) }

func lacking(names []string) []string {
	var lacking []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			lacking = append(lacking, name)
		}
	}
	return lacking
}
