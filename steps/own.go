package steps

import (
	"context"
	"errors"

	"nestbed/harness"
)

type scenarioKey struct{}

// Chain returns the scenario's chain, for steps that Suite.Steps adds. ctx is the context that
// godog passes to the step. The chain is built by a When step, or else when a step first needs it,
// as the Given steps describe it. If any step of the scenario has Changes, the chain is the
// scenario's own. Otherwise other scenarios may use it at the same time, and the step must not
// change it.
func Chain(ctx context.Context) (*harness.Chain, error) {
	s, is := ctx.Value(scenarioKey{}).(*scenario)
	if !is {
		return nil, errors.New("chain: not the context of a step; use the context that godog passes to the step")
	}
	return s.look(ctx)
}
