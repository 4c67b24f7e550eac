package wait

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// PatienceEnv is the variable that holds the factor which every budget is multiplied by,
// for machines that are slow, or fast: a number from 0.01 to 100; 1 where it is not set.
const PatienceEnv = "NESTBED_PATIENCE"

// Patience is that factor; an error says what the variable holds instead of one.
func Patience() (float64, error) {
	text, set := os.LookupEnv(PatienceEnv)
	if !set || text == "" {
		return 1, nil
	}
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil || !(factor >= 0.01 && factor <= 100) { // so that NaN is none either
		return 0, fmt.Errorf("%s: read %q, expected a number from 0.01 to 100", PatienceEnv, text)
	}
	return factor, nil
}

type factorKey struct{}

// WithPatience multiplies the budgets of all waits under ctx by a factor, on top of what PatienceEnv says:
// for a test that wants to see one run out.
func WithPatience(ctx context.Context, factor float64) context.Context {
	return context.WithValue(ctx, factorKey{}, factor)
}

// Scale is a budget as it counts under ctx. Under a PatienceEnv that is no number there is no time for anything.
func Scale(ctx context.Context, budget time.Duration) (time.Duration, error) {
	factor, err := Patience()
	if err != nil {
		return 0, err
	}
	if own, ok := ctx.Value(factorKey{}).(float64); ok {
		factor *= own
	}
	return time.Duration(float64(budget) * factor), nil
}
