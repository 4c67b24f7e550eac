package wait

import (
	"context"
	"time"
)

type factorKey struct{}

// WithPatience multiplies the budgets of all waits under ctx by a factor: for a slow machine, or for a test that wants to see one run out.
func WithPatience(ctx context.Context, factor float64) context.Context {
	return context.WithValue(ctx, factorKey{}, factor*Patience(ctx))
}

// Patience returns the factor that budgets under ctx are multiplied by; 1 if there is none.
func Patience(ctx context.Context) float64 {
	if factor, ok := ctx.Value(factorKey{}).(float64); ok {
		return factor
	}
	return 1
}

// Scale returns a budget as it counts under ctx.
func Scale(ctx context.Context, budget time.Duration) time.Duration {
	return time.Duration(float64(budget) * Patience(ctx))
}
