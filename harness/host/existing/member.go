package existing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
)

// ask asks a member through the connected member. LXD itself notices only after some time
// (cluster.offline_threshold) that a member is down. A *LostError says nothing about the member:
// the connection to the connected member was lost.
func (c *Cluster) ask(ctx context.Context, name string) (*api.Server, error) {
	answer, _, err := lxdop.With(ctx, c.daemon.all).RawQuery("GET", "/1.0?target="+url.QueryEscape(name), nil, "")
	if err != nil {
		return nil, err
	}
	info := &api.Server{}
	return info, answer.MetadataAsStruct(info)
}

// checkAnswer returns the error if a member does not answer. No more hosts are then placed on it.
func (c *Cluster) checkAnswer(ctx context.Context, name string) error {
	_, err := c.ask(ctx, name)
	if _, lost := errors.AsType[*LostError](err); lost || ctx.Err() != nil {
		return nil // the member may still answer
	}
	if err != nil {
		c.markDown(name, err)
	}
	return err
}

// markDown records that a member does not answer. It gets no more hosts.
func (c *Cluster) markDown(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[name] = err
}

func (c *Cluster) isDown(ctx context.Context, name string) bool {
	return c.checkAnswer(ctx, name) != nil
}

// copyFailed is the error of LXD if copying an image to another member fails. It does not name the
// member (LXD: lxd/images.go, imageSyncBetweenNodes).
const copyFailed = "Failed remote image download"

// mayConcern reports whether the member at an address may have caused a failure.
func mayConcern(failure, address string) bool {
	return strings.Contains(failure, address) || strings.Contains(failure, copyFailed)
}

// downMember returns a member that does not answer and may have caused a failure, and its error.
// The error is nil if there is none.
func (c *Cluster) downMember(ctx context.Context, failure string) (name string, err error) {
	members, err := lxdop.With(ctx, c.daemon.all).GetClusterMembers()
	if err != nil {
		return "", nil //nolint:nilerr // nothing is known about the members then
	}
	for _, m := range members {
		address, err := url.Parse(m.URL)
		if err != nil || !mayConcern(failure, address.Host) {
			continue
		}
		if err := c.checkAnswer(ctx, m.ServerName); err != nil {
			return m.ServerName, err
		}
	}
	return "", nil
}

// unavailable returns an error if a member does not answer, or answers but is evacuated.
func (c *Cluster) unavailable(ctx context.Context, name string) error {
	if err := c.checkAnswer(ctx, name); err != nil {
		return err
	}
	member, _, err := lxdop.With(ctx, c.daemon.all).GetClusterMember(name)
	if err != nil {
		return nil //nolint:nilerr // another member answered, so its error says nothing
	}
	return evacuation(*member)
}

// evacuation returns an error if the instances of a member that answers were stopped. Offline says
// nothing about such a member: after the leader went down, the heartbeats of the new one may come
// too late (LXD: lxd/db/node.go, IsOffline).
func evacuation(m api.ClusterMember) error {
	if m.Status != evacuated {
		return nil
	}
	return refusal(m)
}

// refusal returns why a member accepts no instances.
func refusal(m api.ClusterMember) error {
	return fmt.Errorf("%s is %s (%s)", m.ServerName, strings.ToLower(m.Status), m.Message)
}

// anyMarkedDown reports whether any member did not answer so far.
func (c *Cluster) anyMarkedDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.down) > 0
}

// anyDown asks all members, and reports whether any does not answer.
func (c *Cluster) anyDown(ctx context.Context) bool {
	return slices.ContainsFunc(c.all, func(name string) bool { return c.isDown(ctx, name) })
}
