package steps

import (
	"context"
	"errors"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/keyring"
)

func TestErrorsOfStepsAreEscaped(t *testing.T) {
	wrong := errors.New("read \x1b[31m")
	plain := escaping(func(n int, text string) error {
		assert.Equal(t, 3, n)
		assert.Equal(t, "text", text)
		return wrong
	}).(func(int, string) error)
	err := plain(3, "text")
	require.EqualError(t, err, `read \u001b[31m`)
	require.ErrorIs(t, err, wrong)

	withContext := escaping(func(ctx context.Context) (context.Context, error) { return ctx, godog.ErrPending }).(func(context.Context) (context.Context, error))
	ctx, err := withContext(t.Context())
	assert.Equal(t, t.Context(), ctx)
	require.ErrorIs(t, err, godog.ErrPending, "godog still knows it")

	advised := escaping(func() error { return keyring.ErrExpired }).(func() error)()
	require.EqualError(t, advised, "its certificate has expired, then: nestbed trust TOKEN")

	require.NoError(t, escaping(func() error { return nil }).(func() error)())
	require.NoError(t, escape(nil))
}
