package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
	"nestbed/harness/relay"
)

// near is the way to a root by a descriptor of it. Paths through that stay short whatever the depth, and files show the owners that
// they have on the host.
type near struct{ dir *os.File }

// openRoot opens a directory as a root.
func openRoot(path string) (*Root, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Root{way: near{os.NewFile(uintptr(fd), path)}}, nil
}

func (n near) at(inside string) string {
	return filepath.Join(fmt.Sprintf("/proc/self/fd/%d", n.dir.Fd()), inside)
}

func (n near) path(inside string) (string, error) { return n.at(inside), nil }

func (n near) readFile(inside string) ([]byte, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(int(n.dir.Fd()), inside, &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: inside, Err: err}
	}
	f := os.NewFile(uintptr(fd), inside)
	defer f.Close()
	return io.ReadAll(f)
}

func (n near) look(inside string) (Info, error)          { return relay.InfoOf(n.at(inside)) }
func (n near) readlink(inside string) (string, error)    { return os.Readlink(n.at(inside)) }
func (n near) names(inside string) ([]string, error)     { return relay.Names(n.at(inside)) }
func (n near) xattr(inside, name string) ([]byte, error) { return relay.XattrOf(n.at(inside), name) }

func (n near) dial(ctx context.Context, inside string) (net.Conn, error) {
	return dialUnix(ctx, n.at(inside))
}

func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", path)
}

// idmap is what the kernel shows: it writes the middle column in ids of whoever opens the file (man 7 user_namespaces).
func (n near) idmap(pid string) (idmap.Map, error) { return readMap(n, pid) }

// seen is every id that there is for this process: what it sees has host ids already.
func (n near) seen() (idmap.Map, error) {
	m, err := OwnMap()
	if err != nil {
		return m, err
	}
	for _, lines := range [][]idmap.Mapping{m.UID, m.GID} {
		for i := range lines {
			lines[i].Parent = lines[i].Inside
		}
	}
	return m, nil
}

func (n near) looker() (string, error) { return os.Readlink("/proc/self/ns/user") }

func (n near) close() { _ = n.dir.Close() } // an O_PATH descriptor holds nothing that could fail to be written

// readMap reads the idmap of a process of a root, as whoever reads there sees it.
func readMap(w way, pid string) (m idmap.Map, err error) {
	for file, into := range map[string]*[]idmap.Mapping{"uid_map": &m.UID, "gid_map": &m.GID} {
		text, err := w.readFile("/proc/" + pid + "/" + file)
		if err != nil {
			return m, err
		}
		if *into, err = idmap.ParseMappings(string(text)); err != nil {
			return m, err
		}
	}
	return m, nil
}
