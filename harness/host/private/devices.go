package private

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// makeDevices fills the host's /dev with the devices that LXD passes on to containers. None of
// them reaches the machine's hardware, except the loop devices, which loops adds.
func makeDevices(dev string, loops bool) error {
	if loops {
		if err := makeLoopDevices(dev); err != nil {
			return err
		}
	}
	nodes := []struct {
		name         string
		major, minor uint32
	}{
		{"null", 1, 3},
		{"zero", 1, 5},
		{"full", 1, 7},
		{"random", 1, 8},
		{"urandom", 1, 9},
		{"tty", 5, 0},
		{"fuse", 10, 229},
	}
	for _, n := range nodes {
		path := filepath.Join(dev, n.name)
		if err := unix.Mknod(path, unix.S_IFCHR, int(unix.Mkdev(n.major, n.minor))); err != nil {
			return fmt.Errorf("device %s: %w", n.name, err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // the umask narrows mknod's mode
			return err
		}
	}
	for _, dir := range []string{"pts", "shm", "mqueue"} {
		if err := os.Mkdir(filepath.Join(dev, dir), 0o755); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	const plain = unix.MS_NOSUID | unix.MS_NOEXEC
	if err := mount("devpts", dev+"/pts", "devpts", plain, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return err
	}
	if err := mount("tmpfs", dev+"/shm", "tmpfs", plain|unix.MS_NODEV, "mode=1777"); err != nil {
		return err
	}
	return mount("mqueue", dev+"/mqueue", "mqueue", plain|unix.MS_NODEV, "")
}
