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

// Socket is where every LXD of a chain listens, in its own root.
const Socket = "/var/lib/lxd/unix.socket"

// readyBudget is for an LXD to answer; it takes 0.1 to 0.4 s on an idle machine.
const readyBudget = 60 * time.Second

// askBudget is for the answer to a request of a client that Ask gives.
const askBudget = 5 * time.Second

// ErrTunneled is why something cannot be done to a level that is reached through LXD exec: the machine has no path to it.
var ErrTunneled = errors.New("the level is reached by exec, not by its root directory on this machine; run as root, on the machine of its LXD")

// writeSize is how many bytes of a request are written at a time: through many relays, it is the pieces that cost.
const writeSize = 128 << 10

// Info is what Look tells of a file, with owners in ids of the host.
type Info = relay.Info

// Root is the root directory of the host or of a level. It is reached directly, through /proc, or tunneled through LXD exec. All ids that
// it returns are those that the host sees.
type Root struct {
	access
	// tunnels reports whether the roots of levels inside are reached through LXD exec.
	tunnels bool
	// dialer connects to its LXD, if that does not listen on Socket. project is the LXD's project that clients use; "" is the default one.
	dialer  Dialer
	project string
	// store is where the relay is looked for that is pushed into levels.
	store bundle.Store

	mu       sync.Mutex
	children []*Root // they hold mounts, too, which must not outlive the host
}

// Dialer connects to an LXD.
type Dialer func(ctx context.Context) (net.Conn, error)

// Tunnel has the roots of levels inside reached through LXD exec, as it is done anyway where this process may not enter this root. Call it
// before Child.
func (r *Root) Tunnel() { r.tunnels = true }

// Tunnels reports whether the roots of levels inside are reached through LXD exec.
func (r *Root) Tunnels() bool { return r.tunnels }

// UseDialer sets how its LXD is connected to, if that does not listen on Socket. Call it before the first client is made.
func (r *Root) UseDialer(dial Dialer) { r.dialer = dial }

// UseProject sets the project of its LXD that clients use. Call it before the first of them is made.
func (r *Root) UseProject(name string) { r.project = name }

// UseStore sets where the program is looked for that is pushed into levels which are reached through LXD exec. Call it before Child.
func (r *Root) UseStore(store bundle.Store) { r.store = store }

// access is how a root is reached. Paths are those inside it.
type access interface {
	// local returns the root's directory on this machine, or ErrTunneled.
	local() (*inroot.Root, error)
	readFile(ctx context.Context, inside string, limit int64) ([]byte, error)
	look(ctx context.Context, inside string) (Info, error)
	readlink(ctx context.Context, inside string) (string, error)
	names(ctx context.Context, inside string) ([]string, error)
	xattr(ctx context.Context, inside, name string) ([]byte, error)
	dial(ctx context.Context, inside string) (net.Conn, error)
	// idmap is that of a process of the root, and all the ids that are seen in it, in ids of the host.
	idmap(ctx context.Context, pid string) (idmap.Map, error)
	seen(ctx context.Context) (idmap.Map, error)
	// userNamespace names the user namespace of whoever reads.
	userNamespace(ctx context.Context) (string, error)
	close()
}

// Child opens the root of a container of this root's LXD, by its name and the id of its init inside this root, with which it is closed.
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

// Local returns the root's directory on this machine, or ErrTunneled if there is none. Close closes it.
func (r *Root) Local() (*inroot.Root, error) { return r.local() }

// ReadFile reads a regular file of at most inroot.TextLimit bytes.
func (r *Root) ReadFile(ctx context.Context, inside string) ([]byte, error) {
	return r.readFile(ctx, inside, inroot.TextLimit)
}

// ReadLarge reads a regular file of at most limit bytes.
func (r *Root) ReadLarge(ctx context.Context, inside string, limit int64) ([]byte, error) {
	return r.readFile(ctx, inside, limit)
}

// Look tells of a file inside, which is not followed if it is a symbolic link.
func (r *Root) Look(ctx context.Context, inside string) (Info, error) { return r.look(ctx, inside) }

// Names are the names in a directory inside.
func (r *Root) Names(ctx context.Context, inside string) ([]string, error) {
	return r.names(ctx, inside)
}

// Dial connects to a Unix socket inside.
func (r *Root) Dial(ctx context.Context, inside string) (net.Conn, error) { return r.dial(ctx, inside) }

// Xattr is the value of an extended attribute of a file inside; ENODATA where it has none. Ids in it are those that whoever reads it
// sees: OnHost makes host ids of them.
func (r *Root) Xattr(ctx context.Context, inside, name string) ([]byte, error) {
	return r.xattr(ctx, inside, name)
}

// IDMap is the idmap of a process inside, by the id that it has there: inside and host ids.
func (r *Root) IDMap(ctx context.Context, pid string) (idmap.Map, error) { return r.idmap(ctx, pid) }

// OnHost gives the host ids of a user and a group that something inside was read to have, such as /proc/PID/status.
func (r *Root) OnHost(ctx context.Context, uid, gid uint32) (hostUID, hostGID uint32, err error) {
	m, err := r.seen(ctx)
	if err != nil {
		return 0, 0, err
	}
	return up(m.UID, uid), up(m.GID, gid), nil
}

// overflow is what the kernel shows in place of an id that whoever looks has no name for (Documentation/admin-guide/sysctl/fs.rst).
const overflow = 65534

func up(mappings []idmap.Mapping, id uint32) uint32 {
	if host, exists := idmap.Up(mappings, id); exists {
		return host
	}
	return overflow
}

// UserNamespace names the user namespace of this root's init, as no other one is named on the machine.
func (r *Root) UserNamespace(ctx context.Context) (string, error) {
	name, err := r.readlink(ctx, "/proc/1/ns/user")
	if errors.Is(err, fs.ErrPermission) { // of the machine's init, by who is not root there, but in the same namespace
		name, err = r.userNamespace(ctx)
	}
	return name, err
}

// PIDNamespace names the pid namespace of this root's init.
func (r *Root) PIDNamespace(ctx context.Context) (string, error) {
	return r.readlink(ctx, "/proc/1/ns/pid")
}

// Rest has no relay run in the levels inside until something is asked there: an LXD that is asked to end waits for the programs
// that it runs there, as relays are (LXD: lxd/operations.go, waitForOperations).
func (r *Root) Rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, child := range r.children {
		child.Rest()
		if f, is := child.access.(*tunnel); is {
			f.rest()
		}
	}
}

// Close lets go of the root, and of its children. It is nil-safe and may be called twice.
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
