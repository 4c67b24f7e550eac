package host

import "context"

// Project is a host that is a project of an LXD which others use as well.
type Project interface {
	// Supply is how many ids level 1 gets for itself.
	Supply() uint32
	// FreeIDs reserves ids for level 1 that no other container has, and returns the first of them: the lowest that are free, or with
	// anywhere a random one. HasIDs fails if another container has any of the ids from base on.
	FreeIDs(ctx context.Context, anywhere bool) (base int64, err error)
	HasIDs(ctx context.Context, base int64) error
	// Pool is the storage pool that level 1 lies on.
	Pool() string
}

// Supply returns how many ids level 1 gets for itself on a Project. 0 stands for all that the host has.
func Supply(h Host) uint32 {
	if p, is := h.(Project); is {
		return p.Supply()
	}
	return 0
}
