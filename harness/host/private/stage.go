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

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/cgroup"
	"nestbed/harness/internal/rerun"
)

// The stage is this binary again, as the init of a private host's namespaces.
const (
	stageName   = "nestbed-host"
	startedWord = "started\n" // stage to owner, when LXD is running
	keepWord    = "keep\n"    // owner to stage: live on after me
	restartWord = "restart\n" // owner to stage: end LXD by SIGTERM, on which it leaves its containers running (LXD: lxd/main_daemon.go), and start it again
	killWord    = "kill\n"    // owner to stage: kill LXD, and start it again
)

// The descriptors that the stage is started with (see launch).
const (
	controlFD = 3 + iota
	reportFD
	lockFD
	bundleFD // held open, and with it the bundle in its cache
)

// stageOrder is what the owner tells the stage, as its only argument.
type stageOrder struct {
	State   string   `json:"state"`   // the state directory
	Lower   string   `json:"lower"`   // the bundle's root
	Name    string   `json:"name"`    // becomes the host name
	Cgroups []string `json:"cgroups"` // to join
	Loops   bool     `json:"loops"`   // with loop devices
	Disk    int64    `json:"disk"`    // of its own for LXD's state, in bytes; 0: none
	// SharePIDs reports whether it is no init of a pid namespace, with which everything would end.
	SharePIDs bool `json:"sharePIDs"`
}

// RegisterPrograms registers what a private host and its requirements run this binary as.
func RegisterPrograms() {
	rerun.Register(stageName, stage)
	rerun.Register(probeName, probe)
}

// stage sets the host up, starts its LXD and then does what an init does: it
// reaps. It ends, and with it the kernel ends everything in the namespace, when
// LXD ends or when the owner does.
func stage() {
	// The cgroup namespace is a property of the thread that LXD is then started from.
	runtime.LockOSThread()
	for _, fd := range []int{controlFD, reportFD, lockFD, bundleFD} {
		unix.CloseOnExec(fd)
	}
	// As for an LXD that systemd starts: files of the host have the modes that they have on any.
	unix.Umask(0o022)
	report := os.NewFile(reportFD, "report")
	var lxd daemonProcess
	var order stageOrder
	err := json.Unmarshal([]byte(os.Args[1]), &order)
	if err == nil {
		lxd.end, err = order.ending()
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
	reap(&lxd)
}

// obey does what the owner says on the control pipe, and ends the stage when its
// other end is closed, by the owner or by the kernel when the owner is gone,
// unless it was told to live on.
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

// reap waits for every process that ends up with the init, until LXD itself has ended without having been told to.
func reap(lxd *daemonProcess) {
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || !lxd.goesOnAfter(pid) {
			lxd.end()
		}
	}
}

// ending is how the stage ends, and with it everything: as the init of a pid namespace
// by itself, else by way of the cgroups, and as who is told when a process of them has lost its parent.
func (order stageOrder) ending() (func(), error) {
	if !order.SharePIDs {
		return func() { os.Exit(1) }, nil
	}
	held, err := cgroup.Groups(order.Cgroups).Hold()
	if err != nil {
		return nil, err
	}
	return func() {
		_ = held.Kill(context.Background()) //nolint:forbidigo // a main's; whoever clears the host's state tries again
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
	return lxd.start()
}

// lxdDir is where LXD keeps its state, in its own root.
const lxdDir = "/var/lib/lxd"

// mountRoot makes the host's root from the bundle and pivots into it. It attaches mounts only after it has left the
// machine's root: symlinks in the bundle then lead nowhere else.
func mountRoot(order stageOrder) error {
	root := filepath.Join(order.State, rootName)
	// Nothing that is mounted from here on is seen by the machine.
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
		// Before the pivot, because in a user namespace the kernel refuses these mounts
		// unless others of the same type are visible (fs/namespace.c, mount_too_revealing).
		func() error { return proc.create("proc") },
		func() error { return sysfs.create("sysfs") },
		func() error { return unix.Chdir(root) },
		// pivot_root, not chroot: the kernel refuses a user namespace to a
		// process in a chroot (kernel/user_namespace.c, create_user_ns).
		// With "." for both, the old root comes to lie over the new one (man 2 pivot_root).
		func() error { return unix.PivotRoot(".", ".") },
		func() error { return unix.Unmount(".", unix.MNT_DETACH) },
		func() error { return unix.Chdir("/") },
		// Not in the overlay: LXD's state lies on the machine's filesystem, as it does for a user.
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
		order.withAppArmor,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("root of the host: %w", err)
		}
	}
	return nil
}

// hideInit covers, in a pid namespace that is not the host's own, the cgroups of process 1 by those of
// the stage: a container's lie below those of process 1 (liblxc: cgroups/cgfsng.c, cgroup_init), and these are
// outside of the host's cgroup namespace. Another proc, which nothing covers, is what the kernel asks for before a
// container may mount its own (fs/namespace.c, mount_too_revealing).
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
