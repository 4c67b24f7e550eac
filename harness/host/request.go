package host

import (
	"context"
	"net/http"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// requestBudget is for a LXD to answer one request, from its first byte to the last of the answer: an image takes a
// second at most. What takes longer is an operation, which LXD answers at once and which is waited for apart.
const requestBudget = 60 * time.Second

// clientArgs make a LXD's client one that waits for no answer longer than the budget: its own limit is an hour, and
// none at all for a LXD that does not read. (Not by a transport around its own: it takes every transport for
// its own when it exports an image. client/lxd_images.go, GetPrivateImageFile.)
func clientArgs(ctx context.Context) (*lxd.ConnectionArgs, error) {
	budget, err := wait.Scale(ctx, requestBudget)
	if err != nil {
		return nil, err
	}
	return &lxd.ConnectionArgs{HTTPClient: &http.Client{Timeout: budget}}, nil
}
