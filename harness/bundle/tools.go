package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
)

var (
	// toolPrograms are the programs of a bundle with Tools, for scenarios to run. Nesting needs
	// none of them.
	toolPrograms = []string{"usermod", "btrfs", "mkfs.btrfs", "crun", "lxc-start", "lxc-stop", "lxc-info", "lxc-attach", "lxcfs", "losetup"}

	// toolPackages are the Debian packages of toolPrograms.
	toolPackages = []string{"passwd", "btrfs-progs", "crun", "lxc", "lxcfs", "mount"}

	// toolSupport are the files that lxcfs loads at run time, and its hook for liblxc.
	toolSupport = []string{"/usr/lib/*/lxcfs", "/usr/share/lxcfs"}

	// migrationPrograms are the programs of a bundle with Migration. lxd-to-incus controls Incus
	// through rc-service (Incus: cmd/lxd-to-incus/targets_openrc.go), which runs Debian's script
	// in /etc/init.d.
	migrationPrograms = []string{"lxd-to-incus", "rc-service", "start-stop-daemon", "dash", "flock"}

	// migrationPackages are the Debian packages of migrationPrograms.
	migrationPackages = []string{"incus-extra", "openrc"}

	// migrationSupport are that script and the files that it reads and runs.
	migrationSupport = []string{"/etc/init.d", "/etc/default", "/usr/lib/lsb", "/usr/libexec/incus"}
)

// ToolPackages returns the Debian packages that a bundle of the installed LXD with Tools needs.
func ToolPackages() []string { return toolPackages }

// MissingTools returns the programs that a bundle with Tools needs and this machine does not
// have.
func MissingTools() []string { return notInstalled(toolPrograms) }

func notInstalled(names []string) []string {
	var missing []string
	for _, name := range names {
		if _, err := lookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// rootPath is root's PATH (man 5 login.defs, ENV_SUPATH; man 5 sudoers, secure_path).
var rootPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// lookPath returns the path of a program of this machine. Accounts other than root search root's
// PATH first: they use bundles that root has made, and the key of a bundle contains the paths of
// its files.
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
