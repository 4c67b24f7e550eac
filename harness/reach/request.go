package reach

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// requestBudget bounds one request to an LXD, from its first byte to the last byte of the answer.
// An image takes a second at most. LXD answers at once if the work takes longer; nestbed then
// waits for the operation.
const requestBudget = 60 * time.Second

// clientArgs returns arguments for an LXD client that waits for no answer longer than the budget.
// Its own limit is an hour, and it has none for an LXD that does not read. (A transport of
// nestbed's own cannot set the limit: to export an image the client needs its own type of
// transport. client/lxd_images.go, GetPrivateImageFile.)
func clientArgs(ctx context.Context) *lxd.ConnectionArgs {
	return &lxd.ConnectionArgs{HTTPClient: &http.Client{Timeout: wait.Scale(ctx, requestBudget)}, Proxy: noEvents}
}

var errNoEvents = errors.New("nestbed does not listen to events; it waits for operations with lxdop.Await")

// noEvents keeps LXD's client from listening to events. The client tries to listen before almost
// every operation, and goes on without. It asks for a proxy before it dials, also for websockets.
func noEvents(r *http.Request) (*url.URL, error) {
	if r.URL.Path == "/1.0/events" {
		return nil, errNoEvents
	}
	return nil, nil //nolint:nilnil // no proxy
}
