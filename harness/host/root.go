package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/wait"
)

// socket is where every LXD of a chain listens, in its own root.
const socket = "/var/lib/lxd/unix.socket"

// readyBudget is for a LXD to answer; it takes 0.1 to 0.4 s on an idle machine.
const readyBudget = 60 * time.Second

// askBudget is for the answer to a request of a client that Ask gives.
const askBudget = 5 * time.Second

// Root is the root directory of the host or of a level, seen from the machine
// through a descriptor. Paths through it stay short whatever the depth, and
// files show the owners that they have on the host.
type Root struct {
	dir *os.File
	// socket is where, on the machine, its LXD listens, if not where LXDs of levels do; project the one that is worked in there, if
	// not the default one.
	socket, project string

	mu       sync.Mutex
	children []*Root // they hold mounts, too, which must not outlive the host
}

// openRoot opens a directory as a root.
func openRoot(path string) (*Root, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Root{dir: os.NewFile(uintptr(fd), path)}, nil
}

// Child opens the root of a process by the id that it has inside this root, with which it is closed.
func (r *Root) Child(pid int) (*Root, error) {
	child, err := openRoot(r.Path(fmt.Sprintf("/proc/%d/root", pid)))
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.children = append(r.children, child)
	}
	return child, err
}

// Path is the machine's path of a path inside. It must not lead over an
// absolute symbolic link, which the kernel would follow on the machine.
func (r *Root) Path(inside string) string {
	return filepath.Join(fmt.Sprintf("/proc/self/fd/%d", r.dir.Fd()), inside)
}

// ReadFile reads a file inside; links are resolved inside as well.
func (r *Root) ReadFile(inside string) ([]byte, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(int(r.dir.Fd()), inside, &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: inside, Err: err}
	}
	f := os.NewFile(uintptr(fd), inside)
	defer f.Close()
	return io.ReadAll(f)
}

// Connect waits until the LXD of this root is ready, and gives a client of it.
// died, which may be nil, ends the wait early with what it returns.
func (r *Root) Connect(ctx context.Context, died func() error) (lxd.InstanceServer, error) {
	server, err := r.Reach(ctx, died)
	if err != nil {
		return nil, err
	}
	if err := Ready(ctx, server, died); err != nil {
		server.Disconnect()
		return nil, err
	}
	return server, nil
}

// Reach is Connect to a LXD that answers, but may not be ready yet: it takes images,
// say, and lets what needs more wait (LXD: lxd/daemon.go, setupChan and waitReady).
func (r *Root) Reach(ctx context.Context, died func() error) (server lxd.InstanceServer, err error) {
	err = wait.For(ctx, "wait for LXD to answer", readyBudget, final(died, func(context.Context) (err error) {
		server, err = r.client(context.WithoutCancel(ctx)) // it outlives the wait's context
		return err
	}))
	return server, err
}

// Ask is a client of the LXD of this root for somebody with little patience: it ends with ctx, and its requests do much earlier
// than others' where LXD does not answer. It waits for no LXD that is not there.
func (r *Root) Ask(ctx context.Context) (lxd.InstanceServer, error) {
	return r.client(wait.WithPatience(ctx, askBudget.Seconds()/requestBudget.Seconds()))
}

// client connects to the LXD of this root; the client learns its extensions by a first request.
func (r *Root) client(ctx context.Context) (lxd.InstanceServer, error) {
	args, err := clientArgs(ctx)
	if err != nil {
		return nil, err
	}
	path := r.socket
	if path == "" {
		path = r.Path(socket)
	}
	server, err := lxd.ConnectLXDUnixWithContext(ctx, path, args)
	if err != nil {
		return nil, err
	}
	if r.project != "" {
		server = server.UseProject(r.project)
	}
	return closing(server, args.HTTPClient), nil
}

// Ready waits until a LXD is ready: it has started what it starts by itself.
func Ready(ctx context.Context, server lxd.InstanceServer, died func() error) error {
	return wait.For(ctx, "wait for LXD to be ready", readyBudget, final(died, func(context.Context) error {
		// What `lxd waitready` asks as well; LXD announces its readiness to nobody.
		_, _, err := server.RawQuery("GET", "/internal/ready", nil, "")
		return err
	}))
}

// final is try, unless whoever is waited for has died.
func final(died func() error, try func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if died != nil {
			if err := died(); err != nil {
				return wait.Final(err)
			}
		}
		return try(ctx)
	}
}

// SinceLXDStarted is how long ago the LXD of this root was started.
func (r *Root) SinceLXDStarted() (time.Duration, error) {
	var made unix.Stat_t
	if err := unix.Stat(r.Path(bundle.StartedFile), &made); err != nil {
		return 0, err
	}
	return time.Since(time.Unix(made.Mtim.Unix())), nil
}

// Close lets go of the directory, and of its children's. It is nil-safe and may be called twice.
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
	if r.dir != nil {
		_ = r.dir.Close() // an O_PATH descriptor holds nothing that could fail to be written
	}
}
