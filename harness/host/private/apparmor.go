package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

// securityFS is the directory in which the kernel offers AppArmor profiles, on the machine and on
// hosts.
const securityFS = "/sys/kernel/security"

// uniqueLXDDir returns a second path of the host's LXD directory, which no other host has. LXD
// names a container's AppArmor profile after its directory and the container
// (lxd/apparmor/instance.go, InstanceProfileName), and the kernel has one list of profiles for
// all hosts and the machine's LXD.
func uniqueLXDDir(name string) string { return "/var/lib/lxd-" + name }

// mountAppArmor makes AppArmor usable for the host's LXD if the machine enforces it.
func (order stageOrder) mountAppArmor() error {
	if !bundle.AppArmor() {
		return nil
	}
	const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := mount("securityfs", securityFS, "securityfs", plain, ""); err != nil {
		return err
	}
	own := uniqueLXDDir(order.Name)
	// Shared, so that mounts below one path also appear below the other.
	if err := mount("", lxdDir, "", unix.MS_SHARED, ""); err != nil {
		return err
	}
	for _, dir := range []string{own, lxdDir + "/logs", "/var/log/lxd"} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return err
		}
	}
	if err := mount(lxdDir, own, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	// With LXD_DIR set, LXD puts its logs into that directory (shared/util.go, LogPath).
	if err := mount(lxdDir+"/logs", "/var/log/lxd", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return os.Setenv("LXD_DIR", uniqueLXDDir(order.Name))
}

// clearProfiles removes the host's AppArmor profiles and policy namespaces from the kernel. No
// process may use them any more.
func clearProfiles(host string) error {
	if !bundle.AppArmor() {
		return nil
	}
	aa := filepath.Join(securityFS, "apparmor")
	spaces := filepath.Join(aa, "policy", "namespaces")
	var errs []error
	found, err := os.ReadDir(spaces)
	errs = append(errs, err)
	for _, space := range found {
		// Removing the namespace also removes the profiles of the levels inside.
		if isNamespaceOf(host, space.Name()) {
			errs = append(errs, ignoreNotExist(os.Remove(filepath.Join(spaces, space.Name()))))
		}
	}
	list, err := os.ReadFile(filepath.Join(aa, "profiles"))
	errs = append(errs, err)
	for _, profile := range profilesOf(host, string(list)) {
		errs = append(errs, ignoreNotExist(os.WriteFile(filepath.Join(aa, ".remove"), []byte(profile), 0)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("AppArmor profiles: %w", err)
	}
	return nil
}

// isNamespaceOf reports whether the host's LXD made the policy namespace name for a container.
// LXD writes the slashes of its directory as dashes (lxd/apparmor/instance.go,
// InstanceNamespaceName).
func isNamespaceOf(host, name string) bool {
	dir := strings.ReplaceAll(strings.TrimPrefix(uniqueLXDDir(host), "/"), "/", "-")
	return strings.HasSuffix(name, "_<"+dir+">")
}

// profilesOf returns the names in the kernel's list that the host's LXD made: for a container or,
// with dashes in its directory, for a program that it runs.
func profilesOf(host, list string) []string {
	dir := uniqueLXDDir(host)
	dashed := strings.ReplaceAll(dir, "/", "-")
	var names []string
	for line := range strings.Lines(list) {
		name, _, found := strings.Cut(line, " (") // cuts off the mode
		if found && (strings.HasSuffix(name, "_<"+dir+">") || strings.Contains(name, dashed+"-") || strings.Contains(name, dir+"/")) {
			names = append(names, name)
		}
	}
	return names
}

// ignoreNotExist returns err, or nil if err says that the file does not exist.
func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
