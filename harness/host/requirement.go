package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

// Requirement is something that a kind of run needs of the machine.
type Requirement struct {
	// For is the kind of run: "private host", "system host", "bundle installed", "bundle debian".
	For string `json:"for"`
	// Name is what is needed, OK whether it is there, Found what was seen.
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	// Mend is the command, or the deed, that mends a lack.
	Mend string `json:"mend,omitempty"`
	// Elsewhere tells that it is no lack where it is not met: what it is for is about other machines.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// Err is nil if the requirement is met, else one line that says what is wrong and what to do.
func (r Requirement) Err() error {
	if r.OK {
		return nil
	}
	if r.Elsewhere {
		return fmt.Errorf("%s: %s: %s; it is about other machines", r.For, r.Name, r.Found)
	}
	return fmt.Errorf("%s: %s: %s; mend it with: %s", r.For, r.Name, r.Found, r.Mend)
}

// The kinds of run that requirements are for.
const (
	forPrivate   = "private host"
	forInstalled = "bundle installed"
	forDebian    = "bundle debian"
)

// minFree is the disk space below which a chain of depth 3 and its bundle do not fit.
const minFree = 1 << 30

// Requirements looks at the machine, by doing where that is possible, and lists
// what each kind of run needs. stateDir is where state shall lie; empty: under StateRoot.
func Requirements(stateDir string) []Requirement {
	if stateDir == "" {
		stateDir = StateRoot()
	}
	rs := []Requirement{root(), userNamespaces(), cgroupMounted(), freeSpace(stateDir)}
	return append(rs, bundleRequirements()...)
}

// Check is the first lack that keeps this machine from running a private host
// with a bundle of the given kind and its state in the given directory.
func Check(kind bundle.Kind, stateDir string) error {
	for _, r := range Requirements(stateDir) {
		if r.For == forPrivate || r.For == "bundle "+string(kind) {
			if err := r.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func root() Requirement {
	r := Requirement{For: forPrivate, Name: "root", OK: os.Geteuid() == 0, Found: fmt.Sprintf("user id %d", os.Geteuid())}
	if !r.OK {
		r.Mend = "run it as root or with sudo"
	}
	return r
}

const probeName = "nestbed-probe-userns"

// probe is this binary again, in a new user namespace: it enters as many more as its argument says.
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

// inUserNamespace enters a new user namespace and, inside it, as many more as said.
func inUserNamespace(more int) (string, error) {
	cmd := reexec.Command(probeName, strconv.Itoa(more))
	self := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: self, GidMappings: self}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// userNamespaces enters one user namespace from within another: the second is
// made without rights on the machine, which is what some machines forbid.
func userNamespaces() Requirement {
	r := Requirement{For: forPrivate, Name: "nested user namespaces"}
	if os.Geteuid() != 0 {
		r.Found, r.Mend = "cannot be tried without root", "run it as root or with sudo"
		return r
	}
	out, err := inUserNamespace(1)
	r.OK = err == nil
	r.Found = "work"
	if err != nil {
		r.Found = strings.TrimSpace(fmt.Sprint(err, " ", out))
		r.Mend = userNamespaceMend()
	}
	return r
}

func userNamespaceMend() string {
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

func cgroupMounted() Requirement {
	r := Requirement{For: forPrivate, Name: "cgroups"}
	layout, err := CgroupLayout()
	switch {
	case err != nil:
		r.Found = err.Error()
	case layout == "none":
		r.Found, r.Mend = "none mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
	default:
		r.OK, r.Found = true, layout
	}
	return r
}

func freeSpace(dir string) Requirement {
	r := Requirement{For: forPrivate, Name: "disk space", Mend: "set NESTBED_STATE (or --state) to a directory with 1 GB free"}
	return r.FreeSpace(dir, minFree)
}

// FreeSpace is a requirement of so many bytes in a directory, which may not be there yet, as it is met.
func (r Requirement) FreeSpace(dir string, least uint64) Requirement {
	var fs unix.Statfs_t
	dir, err := filepath.Abs(dir)
	for err == nil {
		if err = unix.Statfs(dir, &fs); !errors.Is(err, unix.ENOENT) || dir == "/" {
			break
		}
		dir, err = filepath.Dir(dir), nil // what is not there yet will be made here
	}
	if err != nil {
		r.Found = fmt.Sprintf("%s: %v", dir, err)
	} else {
		free := fs.Bavail * uint64(fs.Bsize)
		r.OK, r.Found = free >= least, fmt.Sprintf("%d MB free on %s", free>>20, dir)
	}
	if r.OK {
		r.Mend = ""
	}
	return r
}

func bundleRequirements() []Requirement {
	installed := Requirement{For: forInstalled, Name: "LXD", Mend: "apt-get install " + strings.Join(bundle.InstalledPackages(), " ")}
	switch source, why, err := bundle.Choose(); {
	case err != nil:
		installed.Found = "not installed"
	case source.Kind != bundle.Installed:
		installed.Found, installed.Mend = why, "use the bundle "+source.String()
	default:
		installed.Found, installed.OK = "installed", true
	}
	programs := Requirement{For: forInstalled, Name: "programs", Found: "all there", OK: true}
	if lacking := bundle.Lacking(); len(lacking) > 0 {
		programs.OK, programs.Found = false, "no "+strings.Join(lacking, ", ")
	}
	programs.Mend = installed.Mend
	rs := []Requirement{installed, programs, mmdebstrap()}
	for i := range rs {
		if rs[i].OK {
			rs[i].Mend = ""
		}
	}
	return rs
}

// mmdebstrap fetches the packages of bundles of Debian's, if they are not there, as in a virtual machine.
func mmdebstrap() Requirement {
	r := Requirement{For: forDebian, Name: "mmdebstrap", Found: "not installed", Mend: "apt-get install mmdebstrap"}
	if path, err := exec.LookPath("mmdebstrap"); err == nil {
		r.OK, r.Found, r.Mend = true, path, ""
	} else if fetched := bundle.Fetched(); len(fetched) > 0 {
		r.OK, r.Found, r.Mend = true, "not installed; the cache has "+strings.Join(fetched, ", "), ""
	}
	return r
}
