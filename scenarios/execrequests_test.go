package scenarios_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/wait"
)

// LXD 5.0.2 cuts off its answer (EOF) if a client reads an exec operation just as its program
// ends, once in a few thousand programs. nestbed must therefore only wait for such an operation,
// never read it. The test takes the requests from LXD's log.
func TestTheOperationOfAProgramIsNotReadBeforeItsEnd(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	c := harnesstest.Build(t, h, harness.Cascade(1))
	observer, err := lxd.ConnectLXDUnixWithContext(harnesstest.Context(t), h.Socket(), nil)
	require.NoError(t, err)
	defer observer.Disconnect()
	listener, err := observer.GetEvents()
	require.NoError(t, err)
	defer listener.Disconnect()
	asked := &requests{}
	_, err = listener.AddHandler([]string{api.EventTypeLogging}, asked.note)
	require.NoError(t, err)

	mark := func(name string) {
		require.NoError(t, wait.For(harnesstest.Context(t), "wait for LXD to log a request", 10*time.Second, func(context.Context) error {
			_, _, _ = h.LXD().GetInstance(name) // it does not exist
			if !asked.any("GET /1.0/instances/" + name) {
				return errors.New("LXD has not logged the request")
			}
			return nil
		}))
	}
	mark("before")
	_, err = c.Levels[0].Exec(harnesstest.Context(t), "true")
	require.NoError(t, err)
	mark("after")

	assert.True(t, asked.any("POST /1.0/instances/c1/exec"))
	var ofOperations []string
	for _, r := range asked.all() {
		if strings.HasPrefix(r, "GET /1.0/operations/") && !strings.Contains(r, "/websocket?") {
			ofOperations = append(ofOperations, r)
		}
	}
	require.Len(t, ofOperations, 1)
	assert.Contains(t, ofOperations[0], "/wait?")
}

// requests collects the requests that an LXD daemon logs.
type requests struct {
	mu     sync.Mutex
	logged []string
}

func (r *requests) note(event api.Event) {
	var log api.EventLogging
	if json.Unmarshal(event.Metadata, &log) != nil || log.Context["url"] == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logged = append(r.logged, log.Context["method"]+" "+log.Context["url"])
}

func (r *requests) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.logged...)
}

func (r *requests) any(begin string) bool {
	for _, request := range r.all() {
		if strings.HasPrefix(request, begin) {
			return true
		}
	}
	return false
}
