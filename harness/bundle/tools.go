package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
)

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
		if _, err := lookPath(name); err != nil {
			lacking = append(lacking, name)
		}
	}
	return lacking
}

// rootPath is where root looks for programs (man 5 login.defs, ENV_SUPATH; man 5 sudoers, secure_path).
var rootPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// lookPath finds a program of this machine. Other accounts than root look where root does first: the bundles that they take
// are those that root has made, whose files are known by their paths.
func lookPath(name string) (string, error) {
	if os.Geteuid() != 0 {
		for _, dir := range rootPath {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return exec.LookPath(name)
}
