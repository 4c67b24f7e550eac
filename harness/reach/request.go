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

// requestBudget is for an LXD to answer one request, from its first byte to the last of the answer: an image takes a
// second at most. What takes longer is an operation, which LXD answers at once and which is waited for apart.
const requestBudget = 60 * time.Second

// clientArgs make an LXD's client one that waits for no answer longer than the budget: its own limit is an hour, and
// none at all for an LXD that does not read. (Not by a transport around its own: it takes every transport for
// its own when it exports an image. client/lxd_images.go, GetPrivateImageFile.)
func clientArgs(ctx context.Context) *lxd.ConnectionArgs {
	return &lxd.ConnectionArgs{HTTPClient: &http.Client{Timeout: wait.Scale(ctx, requestBudget)}, Proxy: noEvents}
}

var errNoEvents = errors.New("nestbed waits for operations in LXD (lxdop.Await), and listens to no events")

// noEvents keeps LXD's client from listening to events: it tries that before almost every operation, and goes
// on without. It asks for a proxy before it dials, and for websockets as for requests.
func noEvents(r *http.Request) (*url.URL, error) {
	if r.URL.Path == "/1.0/events" {
		return nil, errNoEvents
	}
	return nil, nil //nolint:nilnil // no proxy
}
