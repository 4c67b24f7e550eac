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

// busyBudget is the time for LXD's own cleanup of an instance, which takes less than a second.
const busyBudget = 10 * time.Second

// Remove stops an instance by force if it runs, and deletes it. It returns nil if the instance
// does not exist. LXD refuses both operations while it still cleans up after the instance, and
// does not report the end of that, so Remove tries again.
func Remove(ctx context.Context, server lxd.InstanceServer, name string) error {
	return wait.For(ctx, "remove "+name, busyBudget, func(context.Context) error { // an operation has its own budget
		err := removeOnce(ctx, server, name)
		var unanswered *url.Error
		var unfinished *UnfinishedError
		if errors.As(err, &unanswered) || errors.As(err, &unfinished) {
			return wait.Final(err)
		}
		return err
	})
}

func removeOnce(ctx context.Context, server lxd.InstanceServer, name string) error {
	i, _, err := With(ctx, server).GetInstance(name)
	if err != nil {
		return IgnoreMissing(err)
	}
	if i.StatusCode != api.Stopped {
		op, err := server.UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1}, "")
		if _, err := Await(ctx, server, op, err); IgnoreMissing(err) != nil {
			return fmt.Errorf("stop: %w", err)
		}
	}
	op, err := server.DeleteInstance(name)
	_, err = Await(ctx, server, op, err)
	return IgnoreMissing(err)
}

// IsMissing reports whether err means that LXD did not find the requested object.
func IsMissing(err error) bool { return api.StatusErrorCheck(err, http.StatusNotFound) }

// IgnoreMissing returns err, or nil if err means that the object is missing.
func IgnoreMissing(err error) error {
	if IsMissing(err) {
		return nil
	}
	return err
}
