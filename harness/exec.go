package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// programBudget is for a program that is run in a level: those of scenarios take seconds, those of others their time.
const programBudget = 10 * time.Minute

// Exec runs a program in the level as its root and gives what it wrote to
// standard output. An exit status other than 0 is an error with what it wrote to standard error.
func (l *Level) Exec(ctx context.Context, command ...string) (string, error) {
	return l.ExecAs(ctx, 0, nil, command...)
}

// ExecAs is Exec as another user, whose id is also the group's, with a standard input, which may be nil.
func (l *Level) ExecAs(ctx context.Context, id uint32, stdin io.Reader, command ...string) (string, error) {
	var stdout, stderr buffer
	err := l.run(ctx, id, command, &lxd.InstanceExecArgs{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return stdout.String(), err
}

// run has the LXD above start the program and waits for its end. Where LXD has given up before it started one that reads
// nothing, it is asked again.
func (l *Level) run(ctx context.Context, id uint32, command []string, args *lxd.InstanceExecArgs) (err error) {
	for range host.ExecTries {
		err = l.runOnce(ctx, id, command, args)
		if !host.NeverStarted(err) || args.Stdin != nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("level %d: exec %q: %w", l.Index, command, err)
	}
	return nil
}

func (l *Level) runOnce(ctx context.Context, id uint32, command []string, args *lxd.InstanceExecArgs) error {
	done := make(chan bool)
	args.DataDone = done
	op, err := l.above.LXD().ExecInstance(l.Name, api.InstanceExecPost{
		Command: command, WaitForWS: true, User: id, Group: id,
		Environment: map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}, args)
	if err != nil {
		return err
	}
	var ended *api.Operation
	err = wait.Within(ctx, "wait for its end", programBudget, func(ctx context.Context) (err error) {
		select {
		case <-done: // all output has arrived
			ended, err = l.ended(ctx, op.Get().ID)
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, func() string { return "it is running" })
	if err != nil {
		return err
	}
	if ended.Err != "" {
		return errors.New(ended.Err)
	}
	status, ok := ended.Metadata["return"].(float64)
	if !ok {
		return errors.New("LXD told no exit status")
	}
	if status != 0 {
		return fmt.Errorf("exit status %d", int(status))
	}
	return nil
}

// ended waits for the operation of a program whose output has ended. LXD is asked to wait, and not, as Operation.Wait does,
// for the operation as it is at that moment: it adds the exit status to a map which it may just be writing into such an
// answer, and then breaks the answer off (LXD 5.0.2: lxd/operations/operations.go, ExtendMetadata; Incus 6.0.4 does not).
func (l *Level) ended(ctx context.Context, id string) (*api.Operation, error) {
	ended := make(chan error, 1)
	var operation api.Operation
	go func() {
		for {
			answer, _, err := l.above.LXD().RawQuery("GET", "/1.0/operations/"+id+"/wait?timeout=-1", nil, "")
			var late net.Error
			if errors.As(err, &late) && late.Timeout() && ctx.Err() == nil {
				continue // a program can close its output and run on
			}
			if err == nil {
				err = answer.MetadataAsStruct(&operation)
			}
			ended <- err
			return
		}
	}()
	select {
	case err := <-ended:
		return &operation, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// buffer keeps what a program wrote. Where LXD tells of a failure, the client may still be writing to it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Close is what the client asks of an output.
func (*buffer) Close() error { return nil }
