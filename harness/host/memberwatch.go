package host

import (
	"context"
	"fmt"
	"time"
)

// askPeriod is how often a member is asked whether it still answers, while something else is waited for.
const askPeriod = 5 * time.Second

// MemberDownError is that the member of a cluster went down on which a host was to be.
type MemberDownError struct {
	Member string
	Err    error
}

func (e *MemberDownError) Error() string {
	return fmt.Sprintf("member %s went down: %v", e.Member, e.Err)
}
func (e *MemberDownError) Unwrap() error { return e.Err }

// MemberDown tells whether the member of a cluster that level 1 is on does not answer any more, or is evacuated, which stops what is on it.
func (h *Host) MemberDown() bool { return h.Member() != "" && h.system.in.out(h.system.member) != nil }

// WhileMemberAnswers gives a context that ends, with a *MemberDownError as its cause, when the member of a cluster that level 1 is on does not
// answer any more, or is evacuated: what that was asked for nobody else answers, and LXD waits for it for minutes. The function ends the watch, and the context.
func (h *Host) WhileMemberAnswers(ctx context.Context) (context.Context, func()) {
	if h.Member() == "" {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(askPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := h.system.in.out(h.system.member); err != nil {
				end(&MemberDownError{h.system.member, err})
			}
		}
	}()
	return ctx, func() { end(nil) }
}
