// Package existing makes hosts of LXDs that already run: a host is a project of such an LXD, on this machine (look.go), on another one over
// https (elsewhere.go, lost.go), or on a member of a cluster (cluster.go, member.go).
package existing
