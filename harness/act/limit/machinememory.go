package limit

import "golang.org/x/sys/unix"

// MachineMemory is how much there is, in bytes.
func MachineMemory() (int64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, err
	}
	return int64(info.Totalram) * int64(info.Unit), nil
}

// HalfOf tells whether a limit is half of all, both in bytes and up to a page. LXD
// takes the kB of /proc/meminfo, which are of 1024 bytes, for 1000, and so gives 48.8
// percent where it is asked for 50 (LXD and Incus: DeviceTotalMemory, units.ParseByteSizeString).
func HalfOf(limit, all int64) bool {
	const page = 1 << 16 // the largest that Linux has
	for _, half := range []int64{all / 2, all / 2 / 1024 * 1000} {
		if limit <= half && limit > half-page {
			return true
		}
	}
	return false
}
