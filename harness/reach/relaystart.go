package reach

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach/relay"
	"nestbed/harness/wait"
)

// ExecTries is the number of times that a program is started at most if LXD gives up before it
// runs. Even the second try is needed only if LXD gets no processor time for seconds.
const ExecTries = 5

// NeverStarted reports whether LXD gave up waiting for the program's websockets, as it does after
// 5 s (LXD: lxd/instance_exec.go, execWs.Do). A websocket that connects later finds the operation
// ended (lxd/operations/operations.go, Connect).
func NeverStarted(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Timed out waiting for websockets to connect") ||
		strings.Contains(err.Error(), "Only running operations can be connected"))
}

// startRelay pushes a relay into a running container through the LXD of a root, and starts it
// there.
func startRelay(ctx context.Context, above *Root, container string) (c *relay.Client, err error) {
	program, err := relayProgram(ctx, above.store)
	if err != nil {
		return nil, wait.Final(err)
	}
	server, err := above.Client(ctx)
	if err != nil {
		return nil, err
	}
	defer server.Disconnect()
	// Each push has a new name, because a running program cannot be overwritten (man 2 open,
	// ETXTBSY). / is the only directory that every container has. The relay removes its own file.
	path := "/." + relay.Program + "-" + strings.ToLower(rand.Text()[:10])
	err = lxdop.PushFile(ctx, server, container, lxdop.File{Path: path, Content: program, Mode: 0o700})
	if err != nil {
		return nil, fmt.Errorf("push %s: %w", path, err)
	}
	for range ExecTries {
		if c, err = execRelay(ctx, server, above, container, path); !NeverStarted(err) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		_ = server.DeleteInstanceFile(container, path) // it may be gone already
	}
	return c, err
}

func execRelay(ctx context.Context, server lxd.InstanceServer, above *Root, container, path string) (*relay.Client, error) {
	budget := wait.Scale(ctx, requestBudget)
	ctx, cancel := context.WithTimeoutCause(ctx, budget, fmt.Errorf("%w: no greeting of the relay within %s", wait.ErrTimeout, budget))
	defer cancel()
	answer, _, err := lxdop.With(ctx, server).RawQuery(http.MethodPost, "/1.0/instances/"+url.PathEscape(container)+"/exec?"+above.query(nil),
		api.InstanceExecPost{Command: []string{path, relay.Pushed}, WaitForWS: true}, "")
	if err != nil {
		return nil, err
	}
	op, err := answer.MetadataAsOperation()
	if err != nil {
		return nil, err
	}
	conn, err := dialExec(ctx, above, op)
	if err != nil {
		return nil, err
	}
	c, err := relay.Connect(ctx, conn, budget)
	if err == nil {
		return c, nil
	}
	// LXD may know more, such as that the program could not be started.
	if ended, _, asked := lxdop.With(ctx, server).GetOperation(op.ID); asked == nil && ended.Err != "" {
		err = fmt.Errorf("%w: %s", err, ended.Err)
	}
	if said := strings.TrimSpace(conn.stderr.String()); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return nil, err
}

// query returns the query string of a request to the LXD of a root.
func (r *Root) query(values url.Values) string {
	if values == nil {
		values = url.Values{}
	}
	if r.project != "" {
		values.Set("project", r.project)
	}
	return values.Encode()
}
