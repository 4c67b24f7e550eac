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

// LXD 5.0.2 breaks off its answer to who reads the operation of a program just as that ends (EOF; once in some thousand
// programs): nobody asks for one but to wait for its end. LXD itself tells, as it logs what it is asked.
func TestTheOperationOfAProgramIsNotReadBeforeItsEnd(t *testing.T) {
	beside(t, 1)
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
		require.NoError(t, wait.For(harnesstest.Context(t), "wait for LXD to tell of a request", 10*time.Second, func(context.Context) error {
			_, _, _ = h.LXD().GetInstance(name) // there is none
			if !asked.any("GET /1.0/instances/" + name) {
				return errors.New("it has not told yet")
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

// requests are those that a LXD logs.
type requests struct {
	mu   sync.Mutex
	told []string
}

func (r *requests) note(event api.Event) {
	var log api.EventLogging
	if json.Unmarshal(event.Metadata, &log) != nil || log.Context["url"] == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, log.Context["method"]+" "+log.Context["url"])
}

func (r *requests) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.told...)
}

func (r *requests) any(begin string) bool {
	for _, told := range r.all() {
		if strings.HasPrefix(told, begin) {
			return true
		}
	}
	return false
}
