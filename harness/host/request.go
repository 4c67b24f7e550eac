package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// requestBudget is for a LXD to answer one request, from its first byte to the last of the answer: an image takes a
// second at most. What takes longer is an operation, which LXD answers at once and which is waited for apart.
const requestBudget = 60 * time.Second

// clientArgs make a LXD's client one that waits for no answer longer than the budget: its
// own limit is an hour, and none at all for a LXD that does not read.
func clientArgs(ctx context.Context) *lxd.ConnectionArgs {
	return &lxd.ConnectionArgs{TransportWrapper: func(t *http.Transport) lxd.HTTPTransporter {
		return &transport{inner: t, ctx: ctx}
	}}
}

type transport struct {
	inner *http.Transport
	ctx   context.Context // whose patience counts: requests of the client come without
}

// Transport is what the client dials its websockets with.
func (t *transport) Transport() *http.Transport { return t.inner }

// RoundTrip does a request and gives up on it when its budget is used up.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	budget, err := wait.Scale(t.ctx, requestBudget)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(budget, func() {
		cancel(fmt.Errorf("%w after %s: LXD has not answered", wait.ErrTimeout, budget))
	})
	resp, err := t.inner.RoundTrip(req.WithContext(ctx))
	if err != nil {
		timer.Stop()
		if cause := context.Cause(ctx); errors.Is(cause, wait.ErrTimeout) {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, done: func() { timer.Stop(); cancel(nil) }}
	return resp, nil
}

// body is an answer that is still being read: until it is closed, its request goes on.
type body struct {
	io.ReadCloser
	done func()
}

func (b *body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
