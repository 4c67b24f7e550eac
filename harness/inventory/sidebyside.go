package inventory

import "runtime"

// What hosts side by side share the machine by. A chain does not keep a processor busy: its LXDs wait for each
// other, and for liblxc, which gives a refused start five seconds. And a host holds memory: eight levels, each of
// about 45 MB that its processes hold, and as much again that they read and write all the time.
const (
	hostsPerProcessor = 3
	// A member of a cluster is used over the network, and may be somebody's.
	hostsPerMemberProcessor = 2
	// An emulated processor has no time to wait: what each chain does takes twice as long where there are twice as many, and
	// LXD gives up the start of a container after 30 s (LXD: lxd/main_callhook.go).
	hostsPerEmulated = 1
	hostMemory       = 1 << 30
)

// SideBySide is how many hosts, with a chain each, this machine builds at a time: as many as its processors
// and the memory that is available now allow, and one at least.
func SideBySide() int {
	hosts := hostsPerProcessor * runtime.NumCPU()
	if emulated(processor()) {
		hosts = hostsPerEmulated * runtime.NumCPU()
	}
	return sideBySide(hosts, AvailableMemory())
}

// RoomFor is how many chains at a time a member of a cluster has room for that has so many processors, and so much memory in bytes; 0 if nobody knows how much.
func RoomFor(processors int, memory uint64) int {
	return sideBySide(hostsPerMemberProcessor*processors, memory)
}

// sideBySide is SideBySide for so many hosts as the processors have time for, and so much memory, in bytes; 0 if nobody knows how much.
func sideBySide(n int, memory uint64) int {
	if fit := int(memory / hostMemory); memory > 0 && fit < n {
		n = fit
	}
	return max(1, n)
}
