package limit

import "golang.org/x/sys/unix"

// MachineMemory returns the size of the machine's memory in bytes.
func MachineMemory() (int64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, err
	}
	return int64(info.Totalram) * int64(info.Unit), nil
}

// HalfOf reports whether a limit is half of all, both in bytes, rounded down by less than a page.
// It also accepts 48.8 percent: LXD reads the kB of /proc/meminfo, which have 1024 bytes, as 1000
// bytes (LXD and Incus: DeviceTotalMemory, units.ParseByteSizeString).
func HalfOf(limit, all int64) bool {
	const page = 1 << 16 // the largest that Linux has
	for _, half := range []int64{all / 2, all / 2 / 1024 * 1000} {
		if limit <= half && limit > half-page {
			return true
		}
	}
	return false
}
