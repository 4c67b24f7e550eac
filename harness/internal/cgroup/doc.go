// Package cgroup creates, joins, empties and removes the cgroups of a host, in every hierarchy
// that the machine has mounted.
package cgroup
