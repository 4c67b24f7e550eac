package harness

import (
	"context"
	"net/http"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/host"
)

// Attach finds the levels of a chain that runs on a host of another process,
// level 1 first, as far down as they are up. Let go of them with Detach.
func Attach(ctx context.Context, h *host.Running) ([]*Level, error) {
	var levels []*Level
	var above Daemon = h
	for index := 1; ; index++ {
		state, _, err := above.LXD().GetInstanceState(ContainerName(index))
		if api.StatusErrorCheck(err, http.StatusNotFound) || err == nil && state.Pid <= 0 {
			return levels, nil
		}
		l := &Level{Index: index, Name: ContainerName(index), above: above}
		if err == nil {
			err = l.Connect(ctx)
		}
		if err != nil {
			Detach(levels)
			return nil, err
		}
		levels = append(levels, l)
		above = l
	}
}

// Detach lets go of attached levels, which run on.
func Detach(levels []*Level) {
	for _, l := range levels {
		l.Release()
	}
}
