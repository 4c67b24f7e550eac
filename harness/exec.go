package harness

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// programBudget bounds how long a program in a level may run. Those of scenarios take seconds.
const programBudget = 10 * time.Minute

// Exec runs a program in the level as root and returns its standard output. An exit status other
// than 0 is an error that has its standard error.
func (l *Level) Exec(ctx context.Context, command ...string) (string, error) {
	return l.ExecAs(ctx, 0, nil, command...)
}

// ExecAs is Exec as another user, with the same id for the group, and with a standard input, which
// may be nil.
func (l *Level) ExecAs(ctx context.Context, id uint32, stdin io.Reader, command ...string) (string, error) {
	var stdout, stderr buffer
	err := l.run(ctx, id, command, &lxd.InstanceExecArgs{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return stdout.String(), err
}

// run starts the program through the LXD above and waits until it ends. If LXD gave up before it
// started the program, run tries again, unless the program has an input.
func (l *Level) run(ctx context.Context, id uint32, command []string, args *lxd.InstanceExecArgs) (err error) {
	for range reach.ExecTries {
		err = l.runOnce(ctx, id, command, args)
		if !reach.NeverStarted(err) || args.Stdin != nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("level %d: exec %q: %w", l.Index, command, err)
	}
	return nil
}

func (l *Level) runOnce(ctx context.Context, id uint32, program []string, args *lxd.InstanceExecArgs) error {
	done := make(chan bool)
	args.DataDone = done
	op, err := l.above.LXD().ExecInstance(l.Name, api.InstanceExecPost{
		Command: program, WaitForWS: true, User: id, Group: id,
		Environment: map[string]string{"PATH": command.Path},
	}, args)
	if err != nil {
		return err
	}
	ended, err := lxdop.AwaitWithin(ctx, programBudget, l.above.LXD(), op)
	if err == nil {
		err = wait.Within(ctx, "wait for its output", programBudget, func(ctx context.Context) error {
			select {
			case <-done: // all of it has arrived
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, func() string { return "it is incomplete" })
	}
	if err != nil {
		return err
	}
	status, ok := ended.Metadata["return"].(float64)
	if !ok {
		return errors.New("LXD returned no exit status")
	}
	if status != 0 {
		return fmt.Errorf("exit status %d", int(status))
	}
	return nil
}

// buffer holds what a program wrote. It has a lock, because the client may still write to it after
// LXD reported a failure.
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

// WhileRunning runs a process of the given user, calls look with its pid inside the level, and
// then ends it.
func WhileRunning(ctx context.Context, l *Level, id uint32, look func(pid string) error) error {
	stdin, release := io.Pipe()
	pids, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		var stderr buffer
		err := l.run(ctx, id, []string{"sh", "-c", "echo $$; read line"},
			&lxd.InstanceExecArgs{Stdin: stdin, Stdout: stdout, Stderr: &stderr})
		// If the process failed or ended, the read and the write below must not wait for it.
		_ = stdout.CloseWithError(err)
		_ = stdin.CloseWithError(err)
		ended <- err
	}()
	pid, err := bufio.NewReader(pids).ReadString('\n')
	if err == nil {
		err = look(strings.TrimSpace(pid))
	}
	_, werr := io.WriteString(release, "\n")
	return errors.Join(err, werr, release.Close(), <-ended)
}
