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

// ask asks a member, through the one that is connected to. An LXD notices only after some time (cluster.offline_threshold) that another is down.
// A *LostError tells nothing of the member: it is the connection to that one which was lost.
func (c *Cluster) ask(ctx context.Context, name string) (*api.Server, error) {
	answer, _, err := lxdop.With(ctx, c.of.all).RawQuery("GET", "/1.0?target="+url.QueryEscape(name), nil, "")
	if err != nil {
		return nil, err
	}
	info := &api.Server{}
	return info, answer.MetadataAsStruct(info)
}

// answers asks a member whether it still answers: the error is how it does not. It is not used any more then.
func (c *Cluster) answers(ctx context.Context, name string) error {
	_, err := c.ask(ctx, name)
	if _, lost := errors.AsType[*LostError](err); lost || ctx.Err() != nil {
		return nil // it may well answer
	}
	if err != nil {
		c.sawNoAnswer(name, err)
	}
	return err
}

// sawNoAnswer notes that a member does not answer. It gets no more hosts.
func (c *Cluster) sawNoAnswer(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[name] = err
}

func (c *Cluster) isDown(ctx context.Context, name string) bool { return c.answers(ctx, name) != nil }

// copyBroke is what LXD says if the copy of an image to another member breaks off. It does not say which member (LXD: lxd/images.go,
// imageSyncBetweenNodes).
const copyBroke = "Failed remote image download"

// concerns reports whether a failure can be for the member at an address.
func concerns(failure, address string) bool {
	return strings.Contains(failure, address) || strings.Contains(failure, copyBroke)
}

// downOf returns a member that a failure can be for and that does not answer, and how; no error if there is none.
func (c *Cluster) downOf(ctx context.Context, failure string) (name string, err error) {
	members, err := lxdop.With(ctx, c.of.all).GetClusterMembers()
	if err != nil {
		return "", nil //nolint:nilerr // then nothing is known of the members
	}
	for _, m := range members {
		address, err := url.Parse(m.URL)
		if err != nil || !concerns(failure, address.Host) {
			continue
		}
		if err := c.answers(ctx, m.ServerName); err != nil {
			return m.ServerName, err
		}
	}
	return "", nil
}

// out is how a member does not answer any more or, though it does, takes no instances; nil: neither.
func (c *Cluster) out(ctx context.Context, name string) error {
	if err := c.answers(ctx, name); err != nil {
		return err
	}
	member, _, err := lxdop.With(ctx, c.of.all).GetClusterMember(name)
	if err != nil || member.Status == online {
		return nil // the one that was asked about it is another one
	}
	return refuses(*member)
}

// refuses says why a member takes no instances.
func refuses(m api.ClusterMember) error {
	return fmt.Errorf("%s is %s (%s)", m.ServerName, strings.ToLower(m.Status), m.Message)
}

// sawDown reports whether any member was seen to be down.
func (c *Cluster) sawDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.down) > 0
}

// someDown asks all members.
func (c *Cluster) someDown(ctx context.Context) bool {
	return slices.ContainsFunc(c.all, func(name string) bool { return c.isDown(ctx, name) })
}
