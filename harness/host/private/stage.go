package private

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/rerun"
)

// The stage is this binary again, as the init of a private host's namespaces. Its owner is the
// process that made the host.
const (
	stageName   = "nestbed-host"
	startedWord = "started\n" // stage to owner, when LXD is running
	keepWord    = "keep\n"    // owner to stage: outlive me
	restartWord = "restart\n" // owner to stage: restart LXD with SIGTERM, which leaves its containers running (LXD: lxd/main_daemon.go)
	killWord    = "kill\n"    // owner to stage: kill LXD and start it again
)

// File descriptors that launch passes to the stage.
const (
	controlFD = 3 + iota
	reportFD
	lockFD
	bundleFD // keeps the bundle in its cache while open
)

// stageOrder is what the owner tells the stage, in its only argument.
type stageOrder struct {
	State   string   `json:"state"`   // the state directory
	Lower   string   `json:"lower"`   // the bundle's root
	Name    string   `json:"name"`    // part of the host name
	Cgroups []string `json:"cgroups"` // to join
	Loops   bool     `json:"loops"`   // whether to make loop devices
	Disk    int64    `json:"disk"`    // size in bytes of a disk for LXD's state; 0: none
	// SharePIDs reports whether the stage is not the init of a pid namespace, which would end all
	// processes with it.
	SharePIDs bool `json:"sharePIDs"`
}

// RegisterPrograms registers the helper programs that private hosts and their requirements run.
func RegisterPrograms() {
	rerun.Register(stageName, stage)
	rerun.Register(probeName, probe)
}

// stage sets the host up, starts its LXD and then waits for orphaned processes, as an init does.
// It ends when LXD or the owner ends, and the kernel then ends everything in the pid namespace.
func stage() {
	// A cgroup namespace belongs to a thread, and LXD must be started from that thread.
	runtime.LockOSThread()
	for _, fd := range []int{controlFD, reportFD, lockFD, bundleFD} {
		unix.CloseOnExec(fd)
	}
	// As systemd does for LXD, so that the host's files have the usual modes.
	unix.Umask(0o022)
	report := os.NewFile(reportFD, "report")
	var lxd daemonProcess
	var order stageOrder
	err := json.Unmarshal([]byte(os.Args[1]), &order)
	if err == nil {
		lxd.end, err = order.endFunc()
	}
	go obey(os.NewFile(controlFD, "control"), &lxd)
	if err == nil {
		err = order.setUp(&lxd)
	}
	if err != nil {
		fmt.Fprintln(report, strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	fmt.Fprint(report, startedWord)
	_ = report.Close()
	waitForOrphans(&lxd)
}

// obey follows the owner's words on the control pipe. When the other end is closed, by the owner
// or by the kernel after the owner has died, obey ends the stage, unless the owner said keep.
func obey(control *os.File, lxd *daemonProcess) {
	keep := false
	words := bufio.NewReader(control)
	for {
		switch word, err := words.ReadString('\n'); {
		case err != nil && keep:
			return
		case err != nil:
			lxd.end()
		case word == keepWord:
			keep = true
		case word == restartWord:
			lxd.restart(unix.SIGTERM)
		case word == killWord:
			lxd.restart(unix.SIGKILL)
		}
	}
}

// waitForOrphans waits for all processes that become children of the init. It ends the stage when
// LXD has ended without being restarted.
func waitForOrphans(lxd *daemonProcess) {
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || !lxd.handleExit(pid) {
			lxd.end()
		}
	}
}

// endFunc returns a function that ends the stage and everything with it. The init of a pid
// namespace only has to exit. Otherwise the function kills the processes of the cgroups, and
// ending makes the stage the parent of their orphans.
func (order stageOrder) endFunc() (func(), error) {
	if !order.SharePIDs {
		return func() { os.Exit(1) }, nil
	}
	held, err := cgroup.Groups(order.Cgroups).Hold()
	if err != nil {
		return nil, err
	}
	return func() {
		_ = held.Kill(context.Background()) //nolint:forbidigo // of a main program; on an error, Close or Reap tries again
		os.Exit(1)
	}, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

func (order stageOrder) setUp(lxd *daemonProcess) error {
	if err := cgroup.Groups(order.Cgroups).Join(); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("cgroup namespace: %w", err)
	}
	if err := mountRoot(order); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("nestbed-" + order.Name)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if out, err := exec.Command("/usr/lib/nestbed/mounts").CombinedOutput(); err != nil { //nolint:forbidigo,noctx // it ends with the host
		return fmt.Errorf("mounts: %w: %s", err, out)
	}
	// As every init does. Without it, ip fails when LXD makes a bridge.
	if lo, err := netlink.LinkByName("lo"); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	} else if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	return lxd.start()
}

// lxdDir is where LXD keeps its state, in its root.
const lxdDir = "/var/lib/lxd"

// mountRoot makes the host's root from the bundle and pivots into it. It attaches mounts only
// after it has left the machine's root, so symlinks in the bundle cannot lead out.
func mountRoot(order stageOrder) error {
	root := filepath.Join(order.State, rootName)
	// The machine does not see mounts that are made from here on.
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escape(order.Lower),
		escape(filepath.Join(order.State, upperName)), escape(filepath.Join(order.State, workName)))
	var state, proc, sysfs detached
	steps := []func() error{
		func() error { return mount("overlay", root, "overlay", 0, layers) },
		func() error { return state.clone(filepath.Join(order.State, lxdName)) },
		// Before the pivot, because in a user namespace the kernel refuses these mounts unless
		// others of the same type are visible (fs/namespace.c, mount_too_revealing).
		func() error { return proc.create("proc") },
		func() error { return sysfs.create("sysfs") },
		func() error { return unix.Chdir(root) },
		// pivot_root instead of chroot, because the kernel lets no process in a chroot make a
		// user namespace (kernel/user_namespace.c, create_user_ns). With "." for both, the old
		// root is mounted over the new one (man 2 pivot_root).
		func() error { return unix.PivotRoot(".", ".") },
		func() error { return unix.Unmount(".", unix.MNT_DETACH) },
		func() error { return unix.Chdir("/") },
		// Not in the overlay: LXD's state is on the machine's filesystem, as it is for users of
		// LXD.
		func() error { return state.attach(lxdDir) },
		func() error {
			if order.Disk == 0 {
				return nil
			}
			return mount("tmpfs", lxdDir, "tmpfs", 0, fmt.Sprintf("mode=711,size=%d", order.Disk))
		},
		func() error { return proc.attach("/proc") },
		func() error { return sysfs.attach("/sys") },
		func() error { return mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=755") },
		func() error { return makeDevices("/dev", order.Loops) },
		order.hideInit,
		order.mountAppArmor,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("root of the host: %w", err)
		}
	}
	return nil
}

// hideInit covers /proc/1/cgroup with the stage's file, unless the host has its own pid
// namespace. liblxc puts a container's cgroups below those of process 1 (cgroups/cgfsng.c,
// cgroup_init), and the machine's process 1 is outside of the host's cgroup namespace.
//
// It also mounts a second proc that nothing covers. Without one the kernel lets no container
// mount its own (fs/namespace.c, mount_too_revealing).
func (order stageOrder) hideInit() error {
	if !order.SharePIDs {
		return nil
	}
	const clear = "/dev/.proc"
	if err := os.Mkdir(clear, 0o700); err != nil {
		return err
	}
	if err := mount("proc", clear, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	return mount(fmt.Sprintf("/proc/%d/cgroup", os.Getpid()), "/proc/1/cgroup", "", unix.MS_BIND, "")
}
