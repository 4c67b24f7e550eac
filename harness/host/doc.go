// Package host is level 0: where the outermost LXD of a chain runs.
//
// A private host is a LXD in mount, pid, network, ipc,
// uts and cgroup namespaces of its own, with its own /etc/subuid, /etc/subgid
// and state, on a machine that notices nothing of it. Several run side by side. A system
// host is a project of a LXD that the machine runs by itself (system.go), or another machine (elsewhere.go, over https; lost.go),
// or a member of a cluster (cluster.go, memberwatch.go).
//
// The process that asks for a private host re-executes itself as the init of
// the new namespaces (stage.go). A program that imports this package needs to do
// nothing for that: the stage is entered before main, from this package's init.
package host
