package bundle

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/bundle/dpkg"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
)

var (
	// toolPrograms are the programs of a bundle with Tools, for scenarios to run. Nesting needs
	// none of them.
	toolPrograms = []string{"usermod", "btrfs", "mkfs.btrfs", "crun", "lxc-start", "lxc-stop", "lxc-info", "lxc-attach", "lxcfs", "losetup", "dnsmasq", "nft", "runc", "bridge"}

	// toolPackages are the Debian packages of toolPrograms.
	toolPackages = []string{"passwd", "btrfs-progs", "crun", "lxc", "lxcfs", "mount", "dnsmasq-base", "nftables", "runc", "iproute2"}

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

	// enginePrograms are Docker and Podman with the programs that they run.
	enginePrograms = []string{
		"dockerd", "docker", "docker-proxy", "containerd", "containerd-shim-runc-v2", "runc", "iptables", "ip6tables",
		"podman", "conmon", "crun", "fuse-overlayfs", "catatonit", "nft",
	}

	// enginePackages are the Debian packages of enginePrograms.
	enginePackages = []string{"docker.io", "iptables", "podman", "crun", "fuse-overlayfs", "catatonit", "netavark", "aardvark-dns", "nftables"}

	// engineSupport are the extensions of iptables, Docker's builder, and Podman's configuration
	// and programs for networks.
	engineSupport = []string{"/usr/lib/*/xtables", "/usr/libexec/docker/cli-plugins", "/etc/containers", "/usr/share/containers", "/usr/lib/podman"}
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

// hasShadowTools reports whether a root filesystem has newuidmap and newgidmap.
func hasShadowTools(r *inroot.Root) bool {
	return !slices.ContainsFunc(shadowTools, func(name string) bool { return !hasProgram(r, name) })
}

// ShadowHere returns the version of shadow that a newuidmap of this machine comes from, or "" if no
// package says so.
func ShadowHere(newuidmap string) (version idmap.Shadow, err error) {
	err = withRoot(string(thisMachine), func(r *inroot.Root) error {
		version, err = shadowVersion(r, r, newuidmap)
		return err
	})
	return version, err
}

// debianVersion matches the version of a Debian package, and its upstream part (man 7
// deb-version).
var debianVersion = regexp.MustCompile(`^(?:\d+:)?(\d+(?:\.\d+){0,2})(?:[-+~.].*)?$`)

// shadowVersion returns the version of shadow that newuidmap in root comes from, or "" if the dpkg
// database in another root filesystem does not say so.
func shadowVersion(database, root *inroot.Root, newuidmap string) (idmap.Shadow, error) {
	of, err := dpkg.PackageOf(database, root, newuidmap, "uidmap")
	if m := debianVersion.FindStringSubmatch(strings.TrimPrefix(of, "uidmap ")); m != nil {
		return idmap.Shadow(m[1]), err
	}
	return "", err
}

// findShadow returns what shadowVersion does, or "" if root has no newuidmap.
func findShadow(database, root *inroot.Root) (idmap.Shadow, error) {
	program, err := FindProgram(root, shadowTools[0])
	if err != nil {
		return "", nil //nolint:nilerr // there is none
	}
	return shadowVersion(database, root, program)
}

func dropShadowTools(r *inroot.Root) error {
	for _, dir := range programDirs {
		for _, name := range shadowTools {
			if err := r.Remove(path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
