// Package idmap is the arithmetic of nested unprivileged containers: which ids
// a level gives to the containers inside it, and where a chain must stop.
//
// It is pure: no I/O, no clock, no kernel. What LXD and the kernel do is
// written down here as rules, each with its source, and the scenarios hold the
// rules against the real ones.
//
// Ids are Linux user or group ids: 32 bits, of which 4294967295 (-1) is not an
// id. An id is an inside id (as a process in the container sees it), a parent
// id (as the level above sees it) or a host id (as the kernel's initial user
// namespace sees it).
package idmap
