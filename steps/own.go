package steps

import (
	"context"
	"errors"

	"nestbed/harness"
)

type scenarioKey struct{}

// Chain returns the chain of the scenario that a step belongs to: what the Givens ask for, built when a step first needs
// it, or what a When has built. It is the scenario's own if any of its steps has Changes; else other scenarios may use it
// at the same time, and it must be left as it is. It is for steps that Suite.Steps adds, and takes their context.
func Chain(ctx context.Context) (*harness.Chain, error) {
	s, is := ctx.Value(scenarioKey{}).(*scenario)
	if !is {
		return nil, errors.New("chain: not the context of a scenario's step; take the one that godog passes to it")
	}
	return s.look(ctx)
}
