// Package private makes private hosts: an LXD in mount, pid, network, ipc, uts and cgroup namespaces of its own, with its own /etc/subuid,
// /etc/subgid and state, on a machine that notices nothing of it. Several run side by side.
//
// The process that asks for a private host runs itself again as the init of the new namespaces (stage.go). The state directory has a
// journal, by which another process ends the host and removes what a killed one left (reap.go).
package private
