package host

import "context"

// A Project is a host that is a project of an LXD that others also use.
type Project interface {
	// IDCount returns how many ids level 1 gets.
	IDCount() uint32
	// FreeIDs reserves ids for level 1 that no other container has, and returns the first of
	// them: the lowest free ids, or random ones if anywhere is set. HasIDs fails if another
	// container has any of the ids from base on.
	FreeIDs(ctx context.Context, anywhere bool) (base int64, err error)
	HasIDs(ctx context.Context, base int64) error
	// Pool returns the storage pool of level 1.
	Pool() string
}

// IDCount returns how many ids level 1 gets on a Project. 0 means all ids of the host.
func IDCount(h Host) uint32 {
	if p, is := h.(Project); is {
		return p.IDCount()
	}
	return 0
}
