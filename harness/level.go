package harness

import (
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

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// programBudget is for a program that is run in a level: those of scenarios take seconds, those of others their time.
const programBudget = 10 * time.Minute

// daemon is a LXD that makes levels: the host's or that of a level.
type daemon interface {
	LXD() lxd.InstanceServer
	Root() *host.Root
}

// Level is one container of a chain that is up, with the LXD inside it.
type Level struct {
	// Index is how deep it is: 1 is made by the host's LXD.
	Index int
	// Name is the container's: c1, c2, ...
	Name string
	// Bundle is what it runs.
	Bundle *bundle.Bundle
	// Took is how long it took to make, Phases where that went.
	Took   time.Duration
	Phases []Phase

	above  daemon
	root   *host.Root
	server lxd.InstanceServer
	worked time.Duration // how long LXD was at the last operation
}

// LXD is a client of the LXD inside the level.
func (l *Level) LXD() lxd.InstanceServer { return l.server }

// Root is the level's root directory, seen from the machine.
func (l *Level) Root() *host.Root { return l.root }

// ReadFile reads a file of the level.
func (l *Level) ReadFile(path string) ([]byte, error) {
	b, err := l.root.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return b, nil
}

// Map is the idmap as the level itself sees it: inside and parent ids.
func (l *Level) Map(ctx context.Context) (idmap.Map, error) {
	// The kernel writes the middle column in ids of whoever opens the file, and
	// for a process of the same user namespace in ids of the parent.
	out, err := l.Exec(ctx, "sh", "-c", "cat /proc/self/uid_map; echo; cat /proc/self/gid_map")
	if err != nil {
		return idmap.Map{}, err
	}
	uid, gid, _ := strings.Cut(out, "\n\n")
	return l.parseMap(uid, gid)
}

// HostMap is the idmap as the machine sees it: inside and host ids.
func (l *Level) HostMap() (idmap.Map, error) {
	uid, err := l.ReadFile("/proc/1/uid_map")
	if err != nil {
		return idmap.Map{}, err
	}
	gid, err := l.ReadFile("/proc/1/gid_map")
	if err != nil {
		return idmap.Map{}, err
	}
	return l.parseMap(string(uid), string(gid))
}

func (l *Level) parseMap(uid, gid string) (m idmap.Map, err error) {
	if m.UID, err = idmap.ParseMappings(uid); err == nil {
		m.GID, err = idmap.ParseMappings(gid)
	}
	if err != nil {
		return m, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return m, nil
}

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

// run has the LXD above start the program and waits for its end.
func (l *Level) run(ctx context.Context, id uint32, command []string, args *lxd.InstanceExecArgs) error {
	wrap := func(err error) error { return fmt.Errorf("level %d: exec %q: %w", l.Index, command, err) }
	done := make(chan bool)
	args.DataDone = done
	op, err := l.above.LXD().ExecInstance(l.Name, api.InstanceExecPost{
		Command: command, WaitForWS: true, User: id, Group: id,
		Environment: map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}, args)
	if err != nil {
		return wrap(err)
	}
	err = wait.Within(ctx, "wait for its end", programBudget, func(ctx context.Context) error {
		if err := op.WaitContext(ctx); err != nil {
			return err
		}
		select {
		case <-done: // all output has arrived
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, func() string { return "it is " + strings.ToLower(op.Get().Status) })
	if err != nil {
		return wrap(err)
	}
	status, ok := op.Get().Metadata["return"].(float64)
	if !ok {
		return wrap(errors.New("LXD told no exit status"))
	}
	if status != 0 {
		return wrap(fmt.Errorf("exit status %d", int(status)))
	}
	return nil
}

// close lets go of the level's descriptors.
func (l *Level) close() {
	if l.server != nil {
		l.server.Disconnect()
	}
	l.root.Close()
	l.server, l.root = nil, nil
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
