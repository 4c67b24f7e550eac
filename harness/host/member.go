package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
)

// A Clustered is a host whose LXD may be in a cluster.
type Clustered interface {
	// Member returns the member that level 1 is on, "" if the LXD is not in a cluster.
	Member() string
	// PlacementClient returns a client of the host's LXD that creates instances on that member.
	PlacementClient() lxd.InstanceServer
	// MemberDown asks that member. It returns a *MemberDownError if the member does not answer or
	// is evacuated, which stops its instances. It returns nil if the LXD is not in a cluster.
	MemberDown(ctx context.Context) error
	// OtherMemberDown returns a *MemberDownError for another member that does not answer and may
	// have caused the failure. LXD copies the image of a chain to other members, and fails if one
	// of them is down (LXD: lxd/images.go, imageSyncBetweenNodes).
	OtherMemberDown(ctx context.Context, failure error) error
}

// Member returns the cluster member that level 1 is on, "" if the host is not in a cluster.
func Member(h Host) string {
	if c, is := h.(Clustered); is {
		return c.Member()
	}
	return ""
}

// PlacementClient returns a client of the host's LXD that creates instances on the member of
// level 1.
func PlacementClient(h Host) lxd.InstanceServer {
	if c, is := h.(Clustered); is {
		return c.PlacementClient()
	}
	return h.LXD()
}

// askPeriod is how often WatchMember asks the member whether it still answers.
const askPeriod = 5 * time.Second

// A MemberDownError reports that a cluster member is down or evacuated: the member that a host
// was placed on, or another one that the host needs.
type MemberDownError struct {
	Member string
	Err    error // how it was noticed
}

func (e *MemberDownError) Error() string {
	return fmt.Sprintf("member %s is down: %v", e.Member, e.Err)
}
func (e *MemberDownError) Unwrap() error { return e.Err }

// OrMemberDown returns err. If the cause may be that the host's member, or another member that
// err names, is down, it puts a *MemberDownError before err, unless err contains one already. It
// asks the members even if ctx has ended.
func OrMemberDown(ctx context.Context, h Host, err error) error {
	if _, said := errors.AsType[*MemberDownError](err); said {
		return err
	}
	if c, is := h.(Clustered); is {
		ctx = context.WithoutCancel(ctx)
		down := c.MemberDown(ctx)
		if down == nil {
			down = c.OtherMemberDown(ctx, err)
		}
		if down != nil {
			return fmt.Errorf("%w: %w", down, err)
		}
	}
	return err
}

// WatchMember calls end with a *MemberDownError when the host's member goes down, until ctx ends.
// Without it a request to such a member would fail only after minutes.
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
