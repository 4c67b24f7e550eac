package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
	"nestbed/harness/wait"
)

// loopNodes is how many loop devices a host has nodes of. The kernel numbers those that it makes
// on demand with the lowest number that is free on the machine (drivers/block/loop.c, loop_control_get_free).
const loopNodes = 64

// Numbers of the devices (Documentation/admin-guide/devices.txt).
const (
	loopMajor        = 7
	loopControlMinor = 237
	miscMajor        = 10
)

// loopBudget is for the kernel to free a loop device after the last mount of it is gone.
const loopBudget = 20 * time.Second

// makeLoopDevices gives the host's /dev the machine's loop devices. They are
// one lot for the whole machine: what a host takes, it must give back.
func makeLoopDevices(dev string) error {
	if err := unix.Mknod(filepath.Join(dev, "loop-control"), unix.S_IFCHR|0o600, int(unix.Mkdev(miscMajor, loopControlMinor))); err != nil {
		return fmt.Errorf("device loop-control: %w", err)
	}
	// Between two devices there is room for partitions, as many as the module was told (loop_init, part_shift).
	shift := 0
	if text, err := os.ReadFile("/sys/module/loop/parameters/max_part"); err == nil {
		if parts, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); err == nil {
			shift = bits.Len64(parts)
		}
	}
	for n := range uint32(loopNodes) {
		if err := unix.Mknod(filepath.Join(dev, fmt.Sprint("loop", n)), unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, n<<shift))); err != nil {
			return fmt.Errorf("device loop%d: %w", n, err)
		}
	}
	return nil
}

// deletedMark is what the kernel appends to the path of a file that has no name any more (fs/d_path.c).
const deletedMark = " (deleted)"

// LeakedLoops are the loop devices of the machine whose file is deleted, as sysfs knows them: nobody can
// want those. A host's loop devices lie on files in its state directory, so one
// that outlives its host is among them. Each comes with the file's former path.
func LeakedLoops() ([]string, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var leaked []string
	for _, file := range files {
		// One that is freed meanwhile is none.
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(strings.TrimSpace(string(text)), deletedMark) {
			leaked = append(leaked, fmt.Sprintf("%s on %s", filepath.Dir(filepath.Dir(file)), strings.TrimSpace(string(text))))
		}
	}
	return leaked, nil
}

// inode identifies a file.
type inode struct{ dev, ino uint64 }

// pools returns the files that hold storage pools of the host's LXD.
func (h *Host) pools() ([]inode, error) {
	// LXD of a bundle fills this directory, so its content is not trusted.
	state, err := inroot.Open(filepath.Join(h.dir.path, lxdName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the host has no state yet
	} else if err != nil {
		return nil, err
	}
	defer state.Close()
	names, err := state.Names("disks")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var files []inode
	for _, name := range names {
		if stat, err := state.Lstat(filepath.Join("disks", name)); err == nil {
			files = append(files, inode{stat.Dev, stat.Ino})
		}
	}
	return files, nil
}

// Loops are the loop devices, as sysfs knows them, that the host's storage pools lie on.
func (h *Host) Loops() ([]string, error) {
	files, err := h.pools()
	if err != nil {
		return nil, err
	}
	return loopsOn(files)
}

// loopsOn are the loop devices, as sysfs knows them, that lie on one of the files.
func loopsOn(files []inode) ([]string, error) {
	devices, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil || len(files) == 0 {
		return nil, err
	}
	var loops []string
	for _, device := range devices {
		path := filepath.Dir(device)
		info, err := loopInfo(path)
		if errors.Is(err, unix.ENXIO) || errors.Is(err, os.ErrNotExist) {
			continue // freed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(files, inode{info.Device, info.Inode}) {
			loops = append(loops, path)
		}
	}
	return loops, nil
}

func loopInfo(sysfs string) (*unix.LoopInfo64, error) {
	fd, err := unix.Open(filepath.Join("/dev", filepath.Base(sysfs)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sysfs, err)
	}
	defer unix.Close(fd)
	return unix.IoctlLoopGetStatus64(fd)
}

// waitForLoops waits until the kernel has freed the loop devices on the files: their mounts went
// with the host, and they are set up to be freed with the last of them (LO_FLAGS_AUTOCLEAR).
func waitForLoops(ctx context.Context, files []inode) error {
	return wait.For(ctx, "wait for loop devices to be freed", loopBudget, func(context.Context) error {
		switch loops, err := loopsOn(files); {
		case err != nil:
			return wait.Final(err)
		case len(loops) > 0:
			return fmt.Errorf("%q still lie on files of a host that is gone", loops)
		}
		return nil
	})
}
