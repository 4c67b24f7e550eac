package postmortem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// abortBudget bounds how long a daemon may take to print its goroutines and end. It takes 0.1 s.
const abortBudget = 10 * time.Second

// AddGoroutines adds the daemon's goroutines to a diagnosis if failure is an operation of the
// daemon that did not end. It ends the daemon to make it print them. On an existing LXD it does
// nothing.
func AddGoroutines(ctx context.Context, c *harness.Chain, d *Diagnosis, failure error) {
	var unfinished *lxdop.UnfinishedError
	if !errors.As(failure, &unfinished) || c == nil {
		return
	}
	if _, ours := c.Host.(host.Restarter); !ours {
		return
	}
	for i := range d.Places {
		of, err := c.Daemon(i)
		if err != nil || lxd.Server(of.LXD()) != unfinished.Server {
			continue
		}
		p := &d.Places[i]
		p.Goroutines, err = read(ctx, func() (string, error) { return goroutines(ctx, of) })
		p.Parts = append(p.Parts, Part{
			Title: "its LXD's goroutines", Err: err,
			Text: fmt.Sprintf("%d, in goroutines.txt: operation %s (%s) was %s, so LXD was ended by SIGABRT",
				strings.Count(p.Goroutines, "\ngoroutine "), unfinished.Operation.ID, unfinished.Operation.Description, strings.ToLower(unfinished.Operation.Status)),
		})
	}
}

// goroutines ends the daemon with SIGABRT, so that Go's runtime prints all goroutines. LXD handles
// SIGQUIT itself.
func goroutines(ctx context.Context, of harness.Daemon) (string, error) {
	server, err := of.Root().Ask(ctx)
	if err != nil {
		return "", err
	}
	defer server.Disconnect()
	answer, _, err := lxdop.With(ctx, server).GetServer()
	if err != nil {
		return "", err
	}
	pid, err := harness.PIDIn(of.Root(), answer.Environment.ServerPid)
	if err != nil {
		return "", err
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(process)
	before, err := of.Root().ReadFile(ctx, bundle.StderrFile)
	if err != nil {
		return "", err
	}
	if err := unix.PidfdSendSignal(process, unix.SIGABRT, nil, 0); err != nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	ended, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, int(abortBudget/time.Millisecond))
	if err == nil && ended == 0 {
		err = fmt.Errorf("%w: it has not ended %s after SIGABRT", wait.ErrTimeout, abortBudget)
	}
	if err != nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	after, err := of.Root().ReadFile(ctx, bundle.StderrFile)
	if err != nil {
		return "", err
	}
	return withoutSecrets(string(after[min(len(before), len(after)):])), nil
}
