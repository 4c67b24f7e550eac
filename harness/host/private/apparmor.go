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

// securityFS is where the kernel offers AppArmor's profiles, on the machine and on hosts.
const securityFS = "/sys/kernel/security"

// ownDir is a second path of a host's LXD directory, the first being the usual one. LXD names the AppArmor profile of a
// container by its directory and the container (lxd/apparmor/instance.go, InstanceProfileName), and the kernel has one
// list of them for all hosts and the machine's own LXD: with this directory they do not meet.
func ownDir(name string) string { return "/var/lib/lxd-" + name }

// withAppArmor lets the LXD of a host have AppArmor where the machine has it in force.
func (order stageOrder) withAppArmor() error {
	if !bundle.AppArmor() {
		return nil
	}
	const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := mount("securityfs", securityFS, "securityfs", plain, ""); err != nil {
		return err
	}
	own := ownDir(order.Name)
	// Peers, so that what is mounted below one path is there below the other.
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
	// An LXD that is told its directory has its logs there (shared/util.go, LogPath).
	if err := mount(lxdDir+"/logs", "/var/log/lxd", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return os.Setenv("LXD_DIR", ownDir(order.Name))
}

// clearProfiles removes from the kernel what the LXD of a host has left there, which no process has any more.
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
		// With it goes what the levels inside have.
		if isNamespaceOf(host, space.Name()) {
			errs = append(errs, orNothing(os.Remove(filepath.Join(spaces, space.Name()))))
		}
	}
	list, err := os.ReadFile(filepath.Join(aa, "profiles"))
	errs = append(errs, err)
	for _, profile := range profilesOf(host, string(list)) {
		errs = append(errs, orNothing(os.WriteFile(filepath.Join(aa, ".remove"), []byte(profile), 0)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("AppArmor profiles: %w", err)
	}
	return nil
}

// isNamespaceOf reports whether a namespace of profiles is one that a host's LXD has made for a container: LXD
// puts dashes for the slashes of its directory (lxd/apparmor/instance.go, InstanceNamespaceName).
func isNamespaceOf(host, name string) bool {
	dir := strings.ReplaceAll(strings.TrimPrefix(ownDir(host), "/"), "/", "-")
	return strings.HasSuffix(name, "_<"+dir+">")
}

// profilesOf are, of the kernel's list, the names of those that a host's LXD has made: for a container
// or, with dashes in its directory, for a program that it runs.
func profilesOf(host, list string) []string {
	dir := ownDir(host)
	dashed := strings.ReplaceAll(dir, "/", "-")
	var names []string
	for line := range strings.Lines(list) {
		name, _, found := strings.Cut(line, " (") // its mode
		if found && (strings.HasSuffix(name, "_<"+dir+">") || strings.Contains(name, dashed+"-") || strings.Contains(name, dir+"/")) {
			names = append(names, name)
		}
	}
	return names
}

// orNothing is an error, but for that of something that has gone by itself.
func orNothing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
