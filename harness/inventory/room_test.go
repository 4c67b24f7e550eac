package inventory

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestTheKernelHasRoomForFewerLevelsThanItNestsNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for pid namespaces")
	}
	began := time.Now()
	room, err := Room()
	require.NoError(t, err)
	t.Log(room, time.Since(began))
	assert.Positive(t, room)
	assert.Less(t, room, idmap.MaxDepth, "the host has a pid namespace, too")
}

func TestLevelsEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the time is up"))
	_, err := Levels(ctx, false)
	require.EqualError(t, err, "nest pid namespaces: the time is up")

	begun, release := make(chan bool), make(chan bool)
	defer close(release)
	ctx, cancel = context.WithCancelCause(t.Context())
	go func() {
		<-begun
		cancel(errors.New("it is up meanwhile"))
	}()
	_, err = unlessDone(ctx, func() (int, error) {
		begun <- true
		<-release
		return 0, nil
	})
	assert.EqualError(t, err, "it is up meanwhile")
}
