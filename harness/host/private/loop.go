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

// loopNodes is the number of loop devices in a host's /dev. The kernel makes further devices on
// demand, with the lowest free number of the machine (drivers/block/loop.c,
// loop_control_get_free).
const loopNodes = 64

// Device numbers (Documentation/admin-guide/devices.txt).
const (
	loopMajor        = 7
	loopControlMinor = 237
	miscMajor        = 10
)

// loopBudget is how long the kernel may take to free a loop device after its last mount is gone.
const loopBudget = 20 * time.Second

// makeLoopDevices adds the machine's loop devices to the host's /dev. All hosts share them, so
// each host must free what it uses.
func makeLoopDevices(dev string) error {
	if err := unix.Mknod(filepath.Join(dev, "loop-control"), unix.S_IFCHR|0o600, int(unix.Mkdev(miscMajor, loopControlMinor))); err != nil {
		return fmt.Errorf("device loop-control: %w", err)
	}
	// The minor numbers leave room for partitions, by the module's parameter (loop_init,
	// part_shift).
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

// deletedMark is what the kernel appends to the path of a deleted file (fs/d_path.c).
const deletedMark = " (deleted)"

// LeakedLoops returns the machine's loop devices on deleted files, as paths in sysfs with the
// former path of the file. A host's loop devices are on files in its state directory, so the
// result includes those that outlive their host.
func LeakedLoops() ([]string, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var leaked []string
	for _, file := range files {
		// A read error means that the device was freed meanwhile.
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(strings.TrimSpace(string(text)), deletedMark) {
			leaked = append(leaked, fmt.Sprintf("%s on %s", filepath.Dir(filepath.Dir(file)), strings.TrimSpace(string(text))))
		}
	}
	return leaked, nil
}

// inode identifies a file.
type inode struct{ dev, ino uint64 }

// pools returns the files of the storage pools of the host's LXD.
func (h *Host) pools() ([]inode, error) {
	// The bundle's LXD fills this directory, so its content is not trusted.
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

// Loops returns the loop devices of the host's storage pools, as paths in sysfs.
func (h *Host) Loops() ([]string, error) {
	files, err := h.pools()
	if err != nil {
		return nil, err
	}
	return loopsOn(files)
}

// loopsOn returns the loop devices on the files, as paths in sysfs.
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

// waitForLoops waits until the kernel has freed the loop devices on the files. It frees each one
// with its last mount (LO_FLAGS_AUTOCLEAR), and the mounts ended with the host.
func waitForLoops(ctx context.Context, files []inode) error {
	return wait.For(ctx, "wait for loop devices to be freed", loopBudget, func(context.Context) error {
		switch loops, err := loopsOn(files); {
		case err != nil:
			return wait.Final(err)
		case len(loops) > 0:
			return fmt.Errorf("%q still use files of a host that has ended", loops)
		}
		return nil
	})
}
