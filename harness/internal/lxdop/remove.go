package lxdop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/wait"
)

// busyBudget is for LXD to finish what it does to an instance by itself; it takes less than a second.
const busyBudget = 10 * time.Second

// Remove stops an instance by force, if it runs, and deletes it. It is no error if there is none. LXD refuses both
// while it still cleans up after the end of the instance, about which it tells nobody: Remove tries again then.
func Remove(ctx context.Context, server lxd.InstanceServer, name string) error {
	return wait.For(ctx, "remove "+name, busyBudget, func(context.Context) error { // what has begun has its own budget
		err := removeOnce(ctx, server, name)
		var unanswered *url.Error
		var unended *UnendedError
		if errors.As(err, &unanswered) || errors.As(err, &unended) {
			return wait.Final(err)
		}
		return err
	})
}

func removeOnce(ctx context.Context, server lxd.InstanceServer, name string) error {
	i, _, err := With(ctx, server).GetInstance(name)
	if err != nil {
		return OrMissing(err)
	}
	if i.StatusCode != api.Stopped {
		op, err := server.UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1}, "")
		if _, err := Await(ctx, server, op, err); OrMissing(err) != nil {
			return fmt.Errorf("stop: %w", err)
		}
	}
	op, err := server.DeleteInstance(name)
	_, err = Await(ctx, server, op, err)
	return OrMissing(err)
}

// IsMissing reports whether LXD does not know what it was asked about.
func IsMissing(err error) bool { return api.StatusErrorCheck(err, http.StatusNotFound) }

// OrMissing returns err, or nil if what was asked about is missing.
func OrMissing(err error) error {
	if IsMissing(err) {
		return nil
	}
	return err
}
