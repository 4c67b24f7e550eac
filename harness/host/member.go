package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
)

// Clustered is a host whose LXD may be in a cluster.
type Clustered interface {
	// Member is the member that level 1 is on; "" if the LXD is in no cluster.
	Member() string
	// Placing is a client of the host's LXD for what is created: on the member where level 1 shall be.
	Placing() lxd.InstanceServer
	// MemberDown asks that member. It returns a *MemberDownError if the member does not answer, or is evacuated, which stops what is on
	// it; nil otherwise, and if the LXD is in no cluster.
	MemberDown(ctx context.Context) error
	// NeededDown returns a *MemberDownError for another member that the failure can be for and that does not answer; nil if there is
	// none. LXD copies the image of a chain to other members, and fails if one of them is down (LXD: lxd/images.go,
	// imageSyncBetweenNodes).
	NeededDown(ctx context.Context, failure error) error
}

// Member returns the cluster member that level 1 is on; "" if the host is in no cluster.
func Member(h Host) string {
	if c, is := h.(Clustered); is {
		return c.Member()
	}
	return ""
}

// Placing returns a client of the host's LXD for what is created: on the member where level 1 shall be.
func Placing(h Host) lxd.InstanceServer {
	if c, is := h.(Clustered); is {
		return c.Placing()
	}
	return h.LXD()
}

// askPeriod is how often a member is asked whether it still answers, while something else is waited for.
const askPeriod = 5 * time.Second

// MemberDownError reports that the cluster member that a host was placed on, or one that it needs, went down or was evacuated.
type MemberDownError struct {
	Member string
	Err    error // how it was noticed
}

func (e *MemberDownError) Error() string {
	return fmt.Sprintf("member %s is down: %v", e.Member, e.Err)
}
func (e *MemberDownError) Unwrap() error { return e.Err }

// OrMemberDown returns err, preceded by a *MemberDownError if the member that the host is on is down, or another one that the error
// names, and err has none yet. It asks even if ctx has ended.
func OrMemberDown(ctx context.Context, h Host, err error) error {
	if _, said := errors.AsType[*MemberDownError](err); said {
		return err
	}
	if c, is := h.(Clustered); is {
		ctx = context.WithoutCancel(ctx)
		down := c.MemberDown(ctx)
		if down == nil {
			down = c.NeededDown(ctx, err)
		}
		if down != nil {
			return fmt.Errorf("%w: %w", down, err)
		}
	}
	return err
}

// WatchMember calls end with a *MemberDownError when the member that the host is on goes down, until ctx ends. Nobody else answers a
// request that such a member was given, and LXD waits for the answer for minutes.
func WatchMember(ctx context.Context, h Host, end context.CancelCauseFunc) {
	c, is := h.(Clustered)
	if !is || c.Member() == "" {
		return
	}
	go func() {
		tick := time.NewTicker(askPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if down := c.MemberDown(ctx); down != nil {
				end(down)
			}
		}
	}()
}
