package host

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// askPeriod is how often a member is asked whether it still answers, while something else is waited for.
const askPeriod = 5 * time.Second

// MemberDownError reports that the cluster member that a host was placed on went down or was evacuated.
type MemberDownError struct {
	Member string
	Err    error // how it was noticed
}

func (e *MemberDownError) Error() string {
	return fmt.Sprintf("member %s is down: %v", e.Member, e.Err)
}
func (e *MemberDownError) Unwrap() error { return e.Err }

// MemberDown asks the cluster member that level 1 is on. It returns a *MemberDownError if the member does not answer,
// or is evacuated, which stops what is on it; nil otherwise, and for hosts outside a cluster.
func (h *Host) MemberDown() error {
	if h.Member() == "" {
		return nil
	}
	if err := h.system.in.out(h.system.member); err != nil {
		return &MemberDownError{h.system.member, err}
	}
	return nil
}

// OrMemberDown returns err, preceded by a *MemberDownError if MemberDown returns one and err has none yet.
func (h *Host) OrMemberDown(err error) error {
	if _, said := errors.AsType[*MemberDownError](err); said {
		return err
	}
	if down := h.MemberDown(); down != nil {
		return fmt.Errorf("%w: %w", down, err)
	}
	return err
}

// WatchMember calls end with a *MemberDownError when MemberDown returns one, until ctx ends. Nobody else answers a
// request that such a member was given, and LXD waits for the answer for minutes.
func (h *Host) WatchMember(ctx context.Context, end context.CancelCauseFunc) {
	if h.Member() == "" {
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
			if down := h.MemberDown(); down != nil {
				end(down)
			}
		}
	}()
}
