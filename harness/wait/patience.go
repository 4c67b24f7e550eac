package wait

import (
	"context"
	"time"
)

type factorKey struct{}

// WithPatience returns a context under which the budgets of all waits are multiplied by factor,
// and by the factor of ctx. A slow machine needs more patience; a test of a timeout needs less.
func WithPatience(ctx context.Context, factor float64) context.Context {
	return context.WithValue(ctx, factorKey{}, factor*Patience(ctx))
}

// Patience returns the factor of ctx, or 1 if it has none.
func Patience(ctx context.Context) float64 {
	if factor, ok := ctx.Value(factorKey{}).(float64); ok {
		return factor
	}
	return 1
}

// Scale returns a budget multiplied by the factor of ctx.
func Scale(ctx context.Context, budget time.Duration) time.Duration {
	return time.Duration(float64(budget) * Patience(ctx))
}
