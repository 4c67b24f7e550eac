package lxdop

import (
	"context"
	"fmt"
	"net/http"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
)

// Remove stops an instance by force, if it runs, and deletes it. It is no error if there is none.
func Remove(ctx context.Context, server lxd.InstanceServer, name string) error {
	i, _, err := server.GetInstance(name)
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
