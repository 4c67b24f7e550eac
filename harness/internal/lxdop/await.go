// Package lxdop waits for operations of LXD and Incus, and removes what they made.
package lxdop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/wait"
)

// longestSlice is the longest time that LXD may wait in one request before it answers that an
// operation still runs.
const longestSlice = 30 * time.Second

// budget is the time for one operation. On an idle machine, creating level 32 of a chain takes
// 0.3 s, and a refused start 5 s. The slowest operation of a scenario is the clean stop of a
// level.
const budget = 2 * time.Minute

// An UnfinishedError says why an operation was not awaited: the budget or the context ended first.
type UnfinishedError struct {
	Server    lxd.Server
	Operation api.Operation // as last seen
	Err       error
}

func (e *UnfinishedError) Error() string { return e.Err.Error() }
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Await waits until an operation has ended and returns its last state. err is the error of the
// request that started it; if it is not nil, Await returns it at once. A failed operation is an
// error.
//
// Await uses LXD's own wait request. The client's Wait uses an event listener instead. LXD may
// not send the event while it is still adding the listener (LXD: lxd/events.go, eventsSocket),
// and Wait then never returns.
func Await(ctx context.Context, server lxd.Server, op lxd.Operation, err error) (api.Operation, error) {
	if err != nil {
		return api.Operation{}, err
	}
	return AwaitWithin(ctx, budget, server, op)
}

// AwaitWithin is like Await with another budget.
func AwaitWithin(ctx context.Context, budget time.Duration, server lxd.Server, op lxd.Operation) (api.Operation, error) {
	return awaitFrom(ctx, budget, server, op.Get())
}

// awaitFrom waits for an operation that was last seen in the given state.
func awaitFrom(ctx context.Context, budget time.Duration, server lxd.Server, last api.Operation) (api.Operation, error) {
	what := fmt.Sprintf("wait for LXD's operation %q", last.Description)
	err := wait.Within(ctx, what, budget, func(ctx context.Context) error {
		for !last.StatusCode.IsFinal() {
			seen, err := waitOnce(ctx, server, last.ID)
			switch {
			case err != nil:
				return err
			case seen != nil:
				last = *seen
			}
		}
		return nil
	}, func() string { return "it is " + strings.ToLower(last.Status) })
	if err != nil && (ctx.Err() != nil || errors.Is(err, wait.ErrTimeout)) {
		err = &UnfinishedError{Server: server, Operation: last, Err: err}
	}
	if err == nil && last.Err != "" {
		err = errors.New(last.Err)
	}
	return last, err
}

// waitOnce returns the operation when it ends or when a slice of time is over, or nil if LXD
// did not answer in time. It takes less time than the client's request timeout.
func waitOnce(ctx context.Context, server lxd.Server, id string) (*api.Operation, error) {
	slice, err := sliceOf(server)
	if err != nil {
		return nil, err
	}
	seen, err := get(ctx, server, id, fmt.Sprintf("/wait?timeout=%d", int(slice/time.Second)))
	if api.StatusErrorCheck(err) { // LXD 6, if the slice is over or the operation has failed
		seen, err = get(ctx, server, id, "")
	}
	// On a busy machine, LXD sometimes closes the connection without an answer, or in the middle of
	// it, and goes on with the operation.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if again, lost := get(ctx, server, id, ""); lost == nil {
			return again, nil
		}
	}
	var late net.Error
	switch {
	case err == nil:
		return seen, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case api.StatusErrorCheck(err, http.StatusNotFound):
		return nil, fmt.Errorf("operation %s: LXD no longer knows the result: the operation ended more than 5 s ago, or LXD was restarted: %w", id, err)
	case errors.As(err, &late) && late.Timeout():
		return nil, nil //nolint:nilnil // documented above
	}
	return nil, fmt.Errorf("operation %s: %w", id, err)
}

// sliceOf returns half of the client's request timeout, in whole seconds because LXD counts in
// seconds.
func sliceOf(server lxd.Server) (time.Duration, error) {
	client, err := server.GetHTTPClient()
	if err != nil {
		return 0, err
	}
	if client.Timeout == 0 {
		return longestSlice, nil
	}
	return max(time.Second, min(longestSlice, (client.Timeout/2).Truncate(time.Second))), nil
}

// get requests an operation. (The client's GetOperationWait has no context, and modifies the
// transport that other requests use.)
func get(ctx context.Context, server lxd.Server, id, how string) (*api.Operation, error) {
	info, err := server.GetConnectionInfo()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, info.URL+"/1.0/operations/"+url.PathEscape(id)+how, nil)
	if err != nil {
		return nil, err
	}
	said, err := answerTo(server, request)
	if err != nil {
		return nil, err
	}
	return said.MetadataAsOperation()
}

// mostAnswer bounds an answer, which may be that of a level. LXD's answer to a request for an
// operation has a few KB.
const mostAnswer = 16 << 20

// answerTo sends a request and returns the answer. An error that LXD answers is an error.
func answerTo(server lxd.Server, request *http.Request) (said api.Response, err error) {
	answer, err := server.DoHTTP(request)
	if err != nil {
		return said, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	switch {
	case err != nil:
		return said, fmt.Errorf("read LXD's answer (%s, %d bytes): %w", answer.Status, len(text), err)
	case said.Type == api.ErrorResponse:
		return said, api.NewStatusError(said.Code, said.Error)
	}
	return said, nil
}
