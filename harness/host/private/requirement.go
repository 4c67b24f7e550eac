package private

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/rerun"
	"nestbed/harness/inventory"
)

// forPrivate is the kind of run that uses a private host.
const forPrivate = "private host"

// minFree is the disk space in bytes for a chain of depth 3 and its bundle.
const minFree = 1 << 30

// Requirements checks what each kind of run needs on this machine, by trying it where possible.
// Bundles are made in the store. stateDir is the directory for state; "" is the usual StateRoot.
func Requirements(store bundle.Store, stateDir string) []inventory.Requirement {
	if stateDir == "" {
		stateDir = StateRoot{}.Path()
	}
	rs := []inventory.Requirement{root(), userNamespaces(), cgroupMounted(), freeSpace(stateDir)}
	return append(rs, inventory.Bundles(store)...)
}

// Check returns the first missing requirement of a private host that runs a bundle of the given
// kind from the store, with its state in the given directory.
func Check(store bundle.Store, kind bundle.Kind, stateDir string) error {
	for _, r := range Requirements(store, stateDir) {
		if r.For == forPrivate || r.For == "bundle "+string(kind) {
			if err := r.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func root() inventory.Requirement {
	r := inventory.Requirement{For: forPrivate, Name: "root", OK: os.Geteuid() == 0, Found: fmt.Sprintf("user id %d", os.Geteuid())}
	if !r.OK {
		r.Fix = "run it as root or with sudo"
	}
	return r
}

const probeName = "nestbed-probe-userns"

// probe is this binary again, in a new user namespace. It enters as many more as its argument
// says.
func probe() {
	left, err := strconv.Atoi(os.Args[1])
	if err != nil || left == 0 {
		return
	}
	if out, err := inUserNamespace(left - 1); err != nil {
		fmt.Print(err, " ", out)
		os.Exit(1)
	}
}

// inUserNamespace enters a new user namespace and, inside it, as many more as more says.
func inUserNamespace(more int) (string, error) {
	cmd, err := rerun.Command(probeName, strconv.Itoa(more))
	if err != nil {
		return "", err
	}
	cmd.Env = command.Environment()
	self := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: self, GidMappings: self}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// userNamespaces enters a user namespace from within another one. The second one is made without
// rights on the machine, which some machines forbid.
func userNamespaces() inventory.Requirement {
	r := inventory.Requirement{For: forPrivate, Name: "nested user namespaces"}
	if os.Geteuid() != 0 {
		r.Found, r.Fix = "cannot be tried without root", "run it as root or with sudo"
		return r
	}
	out, err := inUserNamespace(1)
	r.OK = err == nil
	r.Found = "work"
	if err != nil {
		r.Found = strings.TrimSpace(fmt.Sprint(err, " ", out))
		r.Fix = userNamespaceFix()
	}
	return r
}

func userNamespaceFix() string {
	for _, s := range []struct{ name, bad, good string }{
		{"user.max_user_namespaces", "0", "100000"},
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
	} {
		value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(s.name, ".", "/"))
		if err == nil && strings.TrimSpace(string(value)) == s.bad {
			return fmt.Sprintf("sysctl -w %s=%s", s.name, s.good)
		}
	}
	return "use a kernel with CONFIG_USER_NS, outside of containers that forbid namespaces"
}

func cgroupMounted() inventory.Requirement {
	r := inventory.Requirement{For: forPrivate, Name: "cgroups"}
	layout, err := cgroup.Layout()
	switch {
	case err != nil:
		r.Found = err.Error()
	case layout == "none":
		r.Found, r.Fix = "none mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
	default:
		r.OK, r.Found = true, layout
	}
	return r
}

// ErrNoSpace is the cause of a requirement that fails for disk space.
var ErrNoSpace = errors.New("no space for state")

func freeSpace(dir string) inventory.Requirement {
	r := inventory.Requirement{For: forPrivate, Name: "disk space", Fix: "keep state in a directory with 1 GB free", Cause: ErrNoSpace}
	return r.FreeSpace(dir, minFree)
}
