// Package existing makes hosts on LXDs that already run. A host is a project of such an LXD: on
// this machine (look.go), on another one over https (elsewhere.go, lost.go), or on a member of a
// cluster (cluster.go, member.go).
package existing
