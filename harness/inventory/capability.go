package inventory

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/keyring"
)

// What single scenarios need: values of Requirement.For.
const (
	Tools       = "tools"        // programs in levels that not every bundle has
	Debian      = "debian"       // bundles of Debian
	Btrfs       = "btrfs"        // on a loop device
	FUSE        = "fuse"         // the device /dev/fuse
	BrNetfilter = "br-netfilter" // the kernel can show its firewall what bridges forward
	Speed       = "speed"        // a processor that is not emulated
	PrivateHost = "private-host" // a host that is not a project of an existing LXD
	Root        = "root"         // root on the machine of the levels
	OnCgroup1   = "cgroup1"      // machines with cgroup v1
	OnCgroup2   = "cgroup2"      // machines with nothing but cgroup v2
	OnAppArmor  = "apparmor"     // machines with AppArmor in force

	OnNoAppArmor = "no-apparmor"      // machines without AppArmor
	OnMediation  = "userns-mediation" // machines whose kernel asks AppArmor about user namespaces
)

// Capabilities returns what single scenarios need of the machine beyond what all scenarios need.
// The scenarios run the bundle of the source. Bundles are made in the store.
func Capabilities(store bundle.Store, s bundle.Source) []Requirement {
	return slices.Concat([]Requirement{tools(s), debian(store), btrfs(), fuse(), brNetfilter(), speed()}, cgroups1or2(), appArmorOnOrOff())
}

// PrivateHosts requires a private host: it has exactly the allocation that a scenario states, and
// the scenario may change all of it. An existing LXD keeps its own subid files.
func PrivateHosts(system bool) Requirement {
	found := "hosts are private"
	if system {
		found = "hosts are projects of an existing LXD"
	}
	return Requirement{For: PrivateHost, Name: "private host", OK: !system, Found: found, Elsewhere: true}
}

// LocalRoot requires that nestbed can read the processes and files of levels on this machine. On an
// existing LXD this needs root, and that LXD must run on this machine.
func LocalRoot(address string) Requirement {
	r := Requirement{For: Root, Name: "root", OK: address == "" || os.Geteuid() == 0, Found: fmt.Sprintf("user id %d", os.Geteuid())}
	switch {
	case keyring.IsAddress(address):
		r.OK, r.Elsewhere, r.Found = false, true, "levels are on another machine"
	case !r.OK:
		r.Fix = "run it as root or with sudo"
	}
	return r
}

// cgroups1or2 returns the requirements of scenarios for one layout of cgroups.
func cgroups1or2() []Requirement {
	layout, err := cgroup.Layout()
	if err != nil {
		layout = err.Error()
	}
	found := "the layout is " + layout
	return []Requirement{
		{For: OnCgroup1, Name: "cgroup v1", OK: layout == "v1" || layout == "hybrid", Found: found, Elsewhere: true},
		{For: OnCgroup2, Name: "pure cgroup v2", OK: layout == "v2", Found: found, Elsewhere: true},
	}
}

// appArmorOnOrOff returns the requirements of scenarios for machines with or without AppArmor.
func appArmorOnOrOff() []Requirement {
	on, asked := bundle.AppArmor(), bundle.MediatesUserNS()
	found, foundAsked := "AppArmor is off", "the kernel does not ask it"
	if on {
		found = "AppArmor is in force"
	}
	if asked {
		foundAsked = "the kernel asks it"
	}
	return []Requirement{
		{For: OnAppArmor, Name: "AppArmor", OK: on, Found: found, Elsewhere: true},
		{For: OnNoAppArmor, Name: "no AppArmor", OK: !on, Found: found, Elsewhere: true},
		{For: OnMediation, Name: "AppArmor asked about user namespaces", OK: asked, Found: foundAsked, Elsewhere: true},
	}
}

// debian returns what Debian bundles require, whatever bundle the other scenarios run.
func debian(store bundle.Store) Requirement {
	r := mmdebstrap(store)
	r.For = Debian
	return r
}

func tools(s bundle.Source) Requirement {
	r := Requirement{For: Tools, Name: "programs", OK: true, Found: "all there"}
	if s.Kind == bundle.Debian {
		r.Found = "come with the bundle"
		return r
	}
	if missing := bundle.MissingTools(); len(missing) > 0 {
		r.OK, r.Found = false, "no "+strings.Join(missing, ", ")
		r.Fix = "apt-get install " + strings.Join(bundle.ToolPackages(), " ")
	}
	return r
}

// btrfs checks for the filesystem, and for loop devices to hold one.
func btrfs() Requirement {
	r := Requirement{For: Btrfs, Name: "btrfs on a loop device"}
	known, err := os.ReadFile("/proc/filesystems")
	switch {
	case err != nil:
		r.Found = err.Error()
	case !slices.Contains(strings.Fields(string(known)), "btrfs"):
		r.Found, r.Fix = "the kernel does not know btrfs", "modprobe btrfs"
	default:
		r.OK, r.Found = opens("/dev/loop-control")
	}
	if !r.OK && r.Fix == "" {
		r.Fix = "modprobe loop"
	}
	return r
}

func fuse() Requirement {
	r := Requirement{For: FUSE, Name: "fuse"}
	if r.OK, r.Found = opens("/dev/fuse"); !r.OK {
		r.Fix = "modprobe fuse"
	}
	return r
}

func brNetfilter() Requirement {
	r := Requirement{For: BrNetfilter, Name: "br_netfilter"}
	if r.OK, r.Found = opens("/proc/sys/net/bridge/bridge-nf-call-iptables"); !r.OK {
		r.Fix = "modprobe br_netfilter"
	}
	return r
}

// speed checks that the processor is not emulated.
func speed() Requirement {
	r := Requirement{For: Speed, Name: "processor", Found: processor()}
	if r.OK = !emulated(r.Found); !r.OK {
		r.Fix = "run it where KVM works"
	}
	return r
}

// opens reports whether a device can be opened, and why not.
func opens(device string) (bool, string) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, device + ": " + err.Error()
	}
	_ = unix.Close(fd)
	return true, device + " opens"
}
