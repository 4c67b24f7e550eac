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

// tunnel reaches the root of a container through a relay in it. The LXD above starts the relay at
// the first question, and again after that LXD was restarted. The relay is root in all namespaces
// of the level, and sees the ids of the level.
type tunnel struct {
	above     *Root
	container string
	closing   chan struct{} // closed once, to end the start of a relay
	once      sync.Once

	mu     sync.Mutex
	relay  *relay.Client
	ids    *idmap.Map // of the level, with host ids
	closed bool
}

func newTunnel(above *Root, container string) *tunnel {
	return &tunnel{above: above, container: container, closing: make(chan struct{})}
}

// runningRelay returns the relay, and starts it unless it runs.
func (t *tunnel) runningRelay(ctx context.Context) (*relay.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fmt.Errorf("container %s: %w", t.container, net.ErrClosed)
	}
	if t.relay != nil {
		select {
		case <-t.relay.Ended():
			t.endLocked()
		default:
			return t.relay, nil
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-t.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	started, err := startRelay(ctx, t.above, t.container)
	if err != nil {
		return nil, fmt.Errorf("container %s: start a relay through LXD exec: %w", t.container, err)
	}
	t.relay = started
	return t.relay, nil
}

// endLocked ends the relay. The caller holds mu.
func (t *tunnel) endLocked() {
	if t.relay != nil {
		_ = t.relay.Close() // the other end notices
		t.relay = nil
	}
}

// endRelay ends the relay until the next question.
func (t *tunnel) endRelay() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endLocked()
}

func (t *tunnel) close() {
	t.once.Do(func() { close(t.closing) }) // before the lock, which is held while a relay starts
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.endLocked()
}

// cleanPath returns a path in the form that relays accept.
func cleanPath(inside string) string { return path.Clean("/" + inside) }

// ask asks the relay one question. If that relay has ended before it answered, ask asks the
// next one, because nobody notices the end of a relay before the next question.
func ask[T any](ctx context.Context, t *tunnel, question func(c *relay.Client) (T, error)) (answer T, err error) {
	for range 2 {
		var c *relay.Client
		if c, err = t.runningRelay(ctx); err != nil {
			return answer, err
		}
		if answer, err = question(c); !errors.Is(err, relay.ErrEnded) {
			break
		}
	}
	return answer, err
}

func (t *tunnel) local() (*inroot.Root, error) {
	return nil, fmt.Errorf("container %s: %w", t.container, ErrTunneled)
}

func (t *tunnel) readFile(ctx context.Context, inside string, limit int64) ([]byte, error) {
	return ask(ctx, t, func(c *relay.Client) ([]byte, error) { return c.ReadFile(ctx, cleanPath(inside), limit) })
}

func (t *tunnel) look(ctx context.Context, inside string) (Info, error) {
	info, err := ask(ctx, t, func(c *relay.Client) (Info, error) { return c.Stat(ctx, cleanPath(inside)) })
	if err != nil {
		return info, err
	}
	m, err := t.hostIDs(ctx)
	info.UID, info.GID = up(m.UID, info.UID), up(m.GID, info.GID)
	return info, err
}

func (t *tunnel) readlink(ctx context.Context, inside string) (string, error) {
	return ask(ctx, t, func(c *relay.Client) (string, error) { return c.Readlink(ctx, cleanPath(inside)) })
}

func (t *tunnel) names(ctx context.Context, inside string) ([]string, error) {
	return ask(ctx, t, func(c *relay.Client) ([]string, error) { return c.List(ctx, cleanPath(inside)) })
}

func (t *tunnel) xattr(ctx context.Context, inside, name string) ([]byte, error) {
	return ask(ctx, t, func(c *relay.Client) ([]byte, error) { return c.Xattr(ctx, cleanPath(inside), name) })
}

func (t *tunnel) dial(ctx context.Context, inside string) (net.Conn, error) {
	return ask(ctx, t, func(c *relay.Client) (net.Conn, error) { return c.Dial(ctx, cleanPath(inside)) })
}

// hostIDs returns the map of the level with host ids. A process reads the map of its own user
// namespace with ids of the parent, here the level above (man 7 user_namespaces). A privileged
// level is in the user namespace of the level above, and has the same map.
func (t *tunnel) hostIDs(ctx context.Context) (idmap.Map, error) {
	t.mu.Lock()
	known := t.ids
	t.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	m, err := t.above.hostIDs(ctx)
	if err != nil {
		return m, err
	}
	outer, err := t.above.userNamespace(ctx)
	if err != nil {
		return m, err
	}
	own, err := t.userNamespace(ctx)
	if err != nil {
		return m, err
	}
	if own != outer {
		mine, err := readMap(ctx, t, "self")
		if err != nil {
			return m, err
		}
		m = mine.Compose(m)
	}
	t.mu.Lock()
	t.ids = &m
	t.mu.Unlock()
	return m, nil
}

func (t *tunnel) userNamespace(ctx context.Context) (string, error) {
	return t.readlink(ctx, "/proc/self/ns/user")
}

// idmap returns the map of a process with host ids. The relay reads it with ids of the level,
// unless the process is in the level's own user namespace.
func (t *tunnel) idmap(ctx context.Context, pid string) (idmap.Map, error) {
	level, err := t.hostIDs(ctx)
	if err != nil {
		return level, err
	}
	own, err := t.userNamespace(ctx)
	if err != nil {
		return level, err
	}
	of, err := t.readlink(ctx, "/proc/"+pid+"/ns/user")
	if err != nil || of == own {
		return level, err
	}
	m, err := readMap(ctx, t, pid)
	return m.Compose(level), err
}
