// Package private makes private hosts. A private host runs an LXD in mount, pid, network, ipc,
// uts and cgroup namespaces of its own, with its own /etc/subuid, /etc/subgid and state. It
// changes nothing on the machine, and several can run side by side.
//
// To make a private host, a process runs itself again as the init of the new namespaces
// (stage.go). The state directory has a journal. With it another process can end the host, or
// remove what a killed host left (reap.go).
package private
