package reach

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"sync"
	"time"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach/relay"
)

// Socket is the path at which every LXD of a chain listens, in its own root.
const Socket = "/var/lib/lxd/unix.socket"

// readyBudget bounds how long an LXD may take to answer. It takes 0.1 to 0.4 s on an idle machine.
const readyBudget = 60 * time.Second

// askBudget bounds each request of a client from Ask.
const askBudget = 5 * time.Second

// ErrTunneled means that something needs a path on this machine to a level that is reached through
// LXD exec.
var ErrTunneled = errors.New("the level is reached through LXD exec, not through its root directory; run as root on the machine of its LXD")

// writeSize is the number of bytes of a request in one write. Through many relays, each write is
// slow.
const writeSize = 128 << 10

// Info describes a file, with owners in host ids.
type Info = relay.Info

// A Root is the root directory of the host or of a level. It is reached directly, through /proc,
// or tunneled, through LXD exec. It returns host ids, except in Xattr.
type Root struct {
	access
	// tunnels is set if the roots of levels inside are reached through LXD exec.
	tunnels bool
	// dialer connects to its LXD if that does not listen on Socket. project is the project that
	// clients use; "" is the default project.
	dialer  Dialer
	project string
	// store is the store that may have the relay program.
	store bundle.Store

	mu       sync.Mutex
	children []*Root // they hold mounts, which must not outlive the host
}

// A Dialer connects to an LXD.
type Dialer func(ctx context.Context) (net.Conn, error)

// Tunnel makes the roots of levels inside be reached through LXD exec. They are anyway if this
// process may not enter this root. Call Tunnel before Child.
func (r *Root) Tunnel() { r.tunnels = true }

// Tunnels reports whether the roots of levels inside are reached through LXD exec.
func (r *Root) Tunnels() bool { return r.tunnels }

// UseDialer sets how clients connect to its LXD, if that does not listen on Socket. Call it before
// the first client is made.
func (r *Root) UseDialer(dial Dialer) { r.dialer = dial }

// UseProject sets the project that clients of its LXD use. Call it before the first client is
// made.
func (r *Root) UseProject(name string) { r.project = name }

// UseStore sets the store that may have the relay program. Call it before Child.
func (r *Root) UseStore(store bundle.Store) { r.store = store }

// access is a way to reach a root. Paths are inside the root.
type access interface {
	// local returns the root's directory on this machine, or ErrTunneled.
	local() (*inroot.Root, error)
	readFile(ctx context.Context, inside string, limit int64) ([]byte, error)
	look(ctx context.Context, inside string) (Info, error)
	readlink(ctx context.Context, inside string) (string, error)
	names(ctx context.Context, inside string) ([]string, error)
	xattr(ctx context.Context, inside, name string) ([]byte, error)
	dial(ctx context.Context, inside string) (net.Conn, error)
	// idmap returns the idmap of a process of the root, with host ids. hostIDs maps every id that a
	// reader in the root sees to its host id.
	idmap(ctx context.Context, pid string) (idmap.Map, error)
	hostIDs(ctx context.Context) (idmap.Map, error)
	// userNamespace returns the name of the reader's user namespace.
	userNamespace(ctx context.Context) (string, error)
	close()
}

// Child opens the root of a container of this root's LXD, by its name and by the pid of its init
// inside this root. Closing this root also closes the child.
func (r *Root) Child(_ context.Context, container string, pid int) (child *Root, err error) {
	if r.tunnels {
		child = &Root{access: newTunnel(r, container), tunnels: true, store: r.store}
	} else {
		var dir *inroot.Root
		if dir, err = r.local(); err == nil {
			child, err = containerRoot(dir, pid)
		}
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.children = append(r.children, child)
	}
	return child, err
}

// Tunneled reports whether the root is reached through LXD exec.
func (r *Root) Tunneled() bool {
	_, is := r.access.(*tunnel)
	return is
}

// Local returns the root's directory on this machine, or ErrTunneled if there is none. Close
// closes it.
func (r *Root) Local() (*inroot.Root, error) { return r.local() }

// ReadFile reads a regular file of at most inroot.TextLimit bytes.
func (r *Root) ReadFile(ctx context.Context, inside string) ([]byte, error) {
	return r.readFile(ctx, inside, inroot.TextLimit)
}

// ReadLarge reads a regular file of at most limit bytes.
func (r *Root) ReadLarge(ctx context.Context, inside string, limit int64) ([]byte, error) {
	return r.readFile(ctx, inside, limit)
}

// Look describes a file inside. It does not follow a symlink at the end of the path.
func (r *Root) Look(ctx context.Context, inside string) (Info, error) { return r.look(ctx, inside) }

// Names returns the names in a directory inside.
func (r *Root) Names(ctx context.Context, inside string) ([]string, error) {
	return r.names(ctx, inside)
}

// Dial connects to a Unix socket inside.
func (r *Root) Dial(ctx context.Context, inside string) (net.Conn, error) { return r.dial(ctx, inside) }

// Xattr returns the value of an extended attribute of a file inside, or ENODATA if it has none.
// Ids in the value are as the reader sees them; OnHost turns them into host ids.
func (r *Root) Xattr(ctx context.Context, inside, name string) ([]byte, error) {
	return r.xattr(ctx, inside, name)
}

// IDMap returns the idmap of a process, with inside and host ids. pid is its pid inside.
func (r *Root) IDMap(ctx context.Context, pid string) (idmap.Map, error) { return r.idmap(ctx, pid) }

// OnHost returns the host ids of a user and a group that were read inside, as in /proc/PID/status.
func (r *Root) OnHost(ctx context.Context, uid, gid uint32) (hostUID, hostGID uint32, err error) {
	m, err := r.hostIDs(ctx)
	if err != nil {
		return 0, 0, err
	}
	return up(m.UID, uid), up(m.GID, gid), nil
}

// overflow is the id that the kernel shows for an id that is not in the reader's map
// (Documentation/admin-guide/sysctl/fs.rst).
const overflow = 65534

func up(mappings []idmap.Mapping, id uint32) uint32 {
	if host, exists := idmap.Up(mappings, id); exists {
		return host
	}
	return overflow
}

// UserNamespace returns the name of the user namespace of this root's init. It is unique on the
// machine.
func (r *Root) UserNamespace(ctx context.Context) (string, error) {
	name, err := r.readlink(ctx, "/proc/1/ns/user")
	if errors.Is(err, fs.ErrPermission) { // only root may read it of the machine's init, which is in the same namespace
		name, err = r.userNamespace(ctx)
	}
	return name, err
}

// PIDNamespace returns the name of the pid namespace of this root's init.
func (r *Root) PIDNamespace(ctx context.Context) (string, error) {
	return r.readlink(ctx, "/proc/1/ns/pid")
}

// EndRelays ends the relays in the levels inside; the next question starts them again. An LXD that
// is asked to end waits for the programs that it runs, and so for relays (LXD: lxd/operations.go,
// waitForOperations).
func (r *Root) EndRelays() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, child := range r.children {
		child.EndRelays()
		if f, is := child.access.(*tunnel); is {
			f.endRelay()
		}
	}
}

// Close closes the root and its children. It accepts nil and may be called twice.
func (r *Root) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, child := range r.children {
		child.Close()
	}
	r.children = nil
	if r.access != nil {
		r.close()
	}
}
