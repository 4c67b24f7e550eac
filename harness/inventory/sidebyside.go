package inventory

import "runtime"

// How hosts share the machine. A chain does not keep a processor busy: its LXDs wait for each
// other, and for liblxc, which waits five seconds after a refused start. A host needs memory:
// eight levels with processes of about 45 MB each, and as much again for files that they use all
// the time.
const (
	hostsPerProcessor = 3
	// A member of a cluster is used over the network, and may serve other people.
	hostsPerMemberProcessor = 2
	// An emulated processor has no time to spare: each chain takes twice as long if there are
	// twice as many, and LXD gives up the start of a container after 30 s (LXD:
	// lxd/main_callhook.go).
	hostsPerEmulated = 1
	hostMemory       = 1 << 30
)

// SideBySide returns how many hosts, with a chain each, this machine builds at a time: as many as
// its processors and its available memory allow, and at least one.
func SideBySide() int {
	hosts := hostsPerProcessor * runtime.NumCPU()
	if emulated(processor()) {
		hosts = hostsPerEmulated * runtime.NumCPU()
	}
	return sideBySide(hosts, AvailableMemory())
}

// RoomFor returns how many chains at a time fit on a member of a cluster with so many processors
// and so many bytes of memory. Unknown memory is 0.
func RoomFor(processors int, memory uint64) int {
	return sideBySide(hostsPerMemberProcessor*processors, memory)
}

// sideBySide returns the smaller of n and the number of hosts that fit into memory, in bytes, but
// at least one. Unknown memory is 0.
func sideBySide(n int, memory uint64) int {
	if fit := int(memory / hostMemory); memory > 0 && fit < n {
		n = fit
	}
	return max(1, n)
}
