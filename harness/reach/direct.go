package reach

import (
	"context"
	"fmt"
	"net"
	"os"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach/relay"
)

// direct reaches a root through its directory on this machine. Its files show their host owners.
type direct struct{ dir *inroot.Root }

// Open opens a directory of this machine as a root.
func Open(path string) (*Root, error) {
	dir, err := inroot.Open(path)
	if err != nil {
		return nil, err
	}
	return &Root{access: direct{dir}}, nil
}

// OpenProcess opens the root directory of a process of this machine.
func OpenProcess(pid int) (*Root, error) {
	machine, err := inroot.Open("/")
	if err != nil {
		return nil, err
	}
	defer machine.Close()
	p, err := machine.Process(pid)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	dir, err := p.Root()
	if err != nil {
		return nil, err
	}
	return &Root{access: direct{dir}}, nil
}

// containerRoot opens the root directory of a container by the pid of its init in the root above.
func containerRoot(above *inroot.Root, pid int) (*Root, error) {
	p, err := above.Process(pid)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	// The container may have ended, and another process may have its pid now. LXD in the level
	// above is not trusted either.
	if len(p.PIDs) != 2 || p.PIDs[1] != 1 {
		return nil, fmt.Errorf("process %d is not the init of a container: its pids are %v, expected two, the second 1", pid, p.PIDs)
	}
	dir, err := p.Root()
	if err != nil {
		return nil, err
	}
	return &Root{access: direct{dir}}, nil
}

func (d direct) local() (*inroot.Root, error) { return d.dir, nil }

func (d direct) readFile(_ context.Context, inside string, limit int64) ([]byte, error) {
	return d.dir.ReadFile(inside, limit)
}

func (d direct) look(_ context.Context, inside string) (Info, error) {
	stat, err := d.dir.Lstat(inside)
	return relay.InfoOf(stat), err
}

func (d direct) readlink(_ context.Context, inside string) (string, error) {
	return d.dir.Readlink(inside)
}

func (d direct) names(_ context.Context, inside string) ([]string, error) { return d.dir.Names(inside) }

func (d direct) xattr(_ context.Context, inside, name string) ([]byte, error) {
	return d.dir.Xattr(inside, name)
}

func (d direct) dial(ctx context.Context, inside string) (net.Conn, error) {
	return d.dir.Dial(ctx, inside)
}

// idmap returns the map with host ids. The kernel writes the middle column in ids of the reader's
// user namespace (man 7 user_namespaces).
func (d direct) idmap(ctx context.Context, pid string) (idmap.Map, error) {
	return readMap(ctx, d, pid)
}

// hostIDs maps every id of this process to itself, because the process reads host ids.
func (d direct) hostIDs(context.Context) (idmap.Map, error) {
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

func (d direct) userNamespace(context.Context) (string, error) {
	return os.Readlink("/proc/self/ns/user")
}

func (d direct) close() { d.dir.Close() }

// readMap reads the idmap of a process of a root, as from sees it.
func readMap(ctx context.Context, from access, pid string) (idmap.Map, error) {
	return parseMap(func(file string) ([]byte, error) { return from.readFile(ctx, "/proc/"+pid+"/"+file, inroot.TextLimit) })
}

// OwnMap returns the idmap of this process's user namespace. Hosts that it starts have the same
// one.
func OwnMap() (idmap.Map, error) {
	return parseMap(func(file string) ([]byte, error) { return os.ReadFile("/proc/self/" + file) })
}

// parseMap parses the idmap of a process, whose files in /proc are read as given.
func parseMap(read func(file string) ([]byte, error)) (m idmap.Map, err error) {
	for file, into := range map[string]*[]idmap.Mapping{"uid_map": &m.UID, "gid_map": &m.GID} {
		text, err := read(file)
		if err != nil {
			return m, err
		}
		if *into, err = idmap.ParseMappings(string(text)); err != nil {
			return m, err
		}
	}
	return m, nil
}
