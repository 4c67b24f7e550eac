package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"sync"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach/relay"
)

// far is the way to the root of a container by a relay in it, which the LXD above starts there at the first question, and again
// after that LXD itself was started again. Whoever asks does so as root of the level: in its namespaces, with the ids that are seen there.
type far struct {
	ctx       context.Context // of who opened the root, without its end, until the root is closed: questions have none of their own
	cancel    context.CancelFunc
	above     *Root
	container string

	mu     sync.Mutex
	relay  *relay.Client
	ids    *idmap.Map // of the level, in ids of the host
	closed bool
}

func newFar(ctx context.Context, above *Root, container string) *far {
	f := &far{above: above, container: container}
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// asking gives the relay, which it starts unless it runs.
func (f *far) asking(ctx context.Context) (*relay.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, fmt.Errorf("container %s: %w", f.container, net.ErrClosed)
	}
	if f.relay != nil {
		select {
		case <-f.relay.Ended():
			f.end()
		default:
			return f.relay, nil
		}
	}
	start, cancel := context.WithCancel(f.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	started, err := startRelay(start, f.above, f.container)
	if err != nil {
		return nil, fmt.Errorf("container %s: reach into it by exec: %w", f.container, err)
	}
	f.relay = started
	return f.relay, nil
}

// end ends the relay.
func (f *far) end() {
	if f.relay != nil {
		_ = f.relay.Close() // whoever is at the other end learns of it
		f.relay = nil
	}
}

// rest ends the relay until the next question.
func (f *far) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end()
}

func (f *far) close() {
	f.cancel() // before the lock, which who starts the relay holds
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.end()
}

// clean is a path as relays take it.
func clean(inside string) string { return path.Clean("/" + inside) }

// asked asks the relay one question, and the next relay if that one has ended before it answered: that it has is
// noticed only when something is asked.
func asked[T any](ctx context.Context, f *far, question func(c *relay.Client) (T, error)) (answer T, err error) {
	for range 2 {
		var c *relay.Client
		if c, err = f.asking(ctx); err != nil {
			return answer, err
		}
		if answer, err = question(c); !errors.Is(err, relay.ErrEnded) {
			break
		}
	}
	return answer, err
}

func (f *far) local() (*inroot.Root, error) {
	return nil, fmt.Errorf("container %s: %w", f.container, ErrFar)
}

func (f *far) readFile(inside string, limit int64) ([]byte, error) {
	return asked(f.ctx, f, func(c *relay.Client) ([]byte, error) { return c.ReadFile(clean(inside), limit) })
}

func (f *far) look(inside string) (Info, error) {
	info, err := asked(f.ctx, f, func(c *relay.Client) (Info, error) { return c.Stat(clean(inside)) })
	if err != nil {
		return info, err
	}
	m, err := f.seen()
	info.UID, info.GID = up(m.UID, info.UID), up(m.GID, info.GID)
	return info, err
}

func (f *far) readlink(inside string) (string, error) {
	return asked(f.ctx, f, func(c *relay.Client) (string, error) { return c.Readlink(clean(inside)) })
}

func (f *far) names(inside string) ([]string, error) {
	return asked(f.ctx, f, func(c *relay.Client) ([]string, error) { return c.List(clean(inside)) })
}

func (f *far) xattr(inside, name string) ([]byte, error) {
	return asked(f.ctx, f, func(c *relay.Client) ([]byte, error) { return c.Xattr(clean(inside), name) })
}

func (f *far) dial(ctx context.Context, inside string) (net.Conn, error) {
	return asked(ctx, f, func(c *relay.Client) (net.Conn, error) { return c.Dial(ctx, clean(inside)) })
}

// seen is the map of the level itself in ids of the host. A process reads the map of its own user namespace in ids of the parent,
// which is that of the level above (man 7 user_namespaces): but for a privileged level, which is in the same one.
func (f *far) seen() (idmap.Map, error) {
	f.mu.Lock()
	known := f.ids
	f.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	m, err := f.above.seen()
	if err != nil {
		return m, err
	}
	outer, err := f.above.looker()
	if err != nil {
		return m, err
	}
	own, err := f.looker()
	if err != nil {
		return m, err
	}
	if own != outer {
		mine, err := readMap(f, "self")
		if err != nil {
			return m, err
		}
		m = mine.Compose(m)
	}
	f.mu.Lock()
	f.ids = &m
	f.mu.Unlock()
	return m, nil
}

func (f *far) looker() (string, error) { return f.readlink("/proc/self/ns/user") }

// idmap composes what the relay sees, which is in ids of the level but for processes in the level's own user namespace.
func (f *far) idmap(pid string) (idmap.Map, error) {
	level, err := f.seen()
	if err != nil {
		return level, err
	}
	own, err := f.looker()
	if err != nil {
		return level, err
	}
	of, err := f.readlink("/proc/" + pid + "/ns/user")
	if err != nil || of == own {
		return level, err
	}
	m, err := readMap(f, pid)
	return m.Compose(level), err
}
