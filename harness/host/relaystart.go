package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/relay"
	"nestbed/harness/wait"
)

// ExecTries is how often a program is started that LXD gave up before it ran: that it is needed even once takes a LXD without
// processor time for seconds.
const ExecTries = 5

// NeverStarted tells whether LXD waited in vain for the program's websockets, for which it has 5 s (LXD: lxd/instance_exec.go,
// execWs.Do); one that comes later finds the operation ended (lxd/operations/operations.go, Connect).
func NeverStarted(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Timed out waiting for websockets to connect") ||
		strings.Contains(err.Error(), "Only running operations can be connected"))
}

// startRelay has a LXD put a relay into a container that runs, and start it there.
func startRelay(ctx context.Context, server lxd.InstanceServer, container string) (c *relay.Client, err error) {
	program, err := relayProgram(ctx)
	if err != nil {
		return nil, wait.Final(err)
	}
	// A name of its own, as no file can be written that runs (man 2 open, ETXTBSY). It is in the one directory that every container has,
	// and removes itself.
	path := "/." + relay.Program + "-" + strings.ToLower(rand.Text()[:10])
	err = server.CreateInstanceFile(container, path, lxd.InstanceFileArgs{
		Content: bytes.NewReader(program), Mode: 0o700, Type: "file", WriteMode: "overwrite",
	})
	if err != nil {
		return nil, fmt.Errorf("push %s: %w", path, err)
	}
	for range ExecTries {
		if c, err = execRelay(ctx, server, container, path); !NeverStarted(err) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		_ = server.DeleteInstanceFile(container, path) // it may be gone already
	}
	return c, err
}

func execRelay(ctx context.Context, server lxd.InstanceServer, container, path string) (*relay.Client, error) {
	budget, err := wait.Scale(ctx, requestBudget)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, budget, fmt.Errorf("%w: it has not said that it runs within %s", wait.ErrTimeout, budget))
	defer cancel()
	way := newExecWay()
	op, err := server.ExecInstance(container, api.InstanceExecPost{Command: []string{path, relay.Pushed}, WaitForWS: true}, way.args())
	if err != nil {
		return nil, errors.Join(err, way.Close())
	}
	c, err := relay.Connect(ctx, way, budget)
	if err == nil {
		return c, nil
	}
	// LXD knows more: that the program could not be started, say.
	if ended, _, asked := server.GetOperation(op.Get().ID); asked == nil && ended.Err != "" {
		err = fmt.Errorf("%w: %s", err, ended.Err)
	}
	if said := strings.TrimSpace(way.said.String()); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return nil, err
}

// execWay is standard input and output of a program that LXD runs, as one connection.
type execWay struct {
	stdin, stdout *io.PipeReader
	in, out       *io.PipeWriter
	said          said
	done          chan bool
}

func newExecWay() *execWay {
	w := &execWay{done: make(chan bool)}
	w.stdin, w.in = io.Pipe()
	w.stdout, w.out = io.Pipe()
	return w
}

// args are for a program at the other end.
func (w *execWay) args() *lxd.InstanceExecArgs {
	go func() {
		<-w.done // its output has ended
		_ = w.out.Close()
	}()
	return &lxd.InstanceExecArgs{Stdin: w.stdin, Stdout: w.out, Stderr: &w.said, DataDone: w.done}
}

func (w *execWay) Read(p []byte) (int, error)  { return w.stdout.Read(p) }
func (w *execWay) Write(p []byte) (int, error) { return w.in.Write(p) }

// Close ends the program's input, and with it the program.
func (w *execWay) Close() error { return errors.Join(w.in.Close(), w.stdout.Close()) }

// said keeps the beginning of what a program wrote to standard error.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// saidLength is how much of it: a line or two.
const saidLength = 1 << 10

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := saidLength - s.text.Len(); room > 0 {
		s.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Close is what the client asks of an output.
func (*said) Close() error { return nil }
