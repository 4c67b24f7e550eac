package steps

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnInvalidStepIsReported(t *testing.T) {
	_, err := Suite{Steps: []Step{{Keyword: "If", Pattern: "^it rains$"}}}.Run(t.Context())
	require.EqualError(t, err, `step "^it rains$": keyword "If", expected Given, When or Then`)
	_, err = Suite{Steps: []Step{{Keyword: Then, Pattern: "^it rains$"}}}.Run(t.Context())
	require.EqualError(t, err, `step "^it rains$": Do is <nil>, expected a function`)
}
