package reach

import (
	"context"
	"fmt"
	"net"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
)

// Remote returns the root of the LXD at an address on another machine. Only that LXD can be
// reached, by dial.
func Remote(address string, dial Dialer) *Root {
	return &Root{access: remote{address}, tunnels: true, dialer: dial}
}

// remote refuses to reach into the root of an LXD on another machine.
type remote struct{ address string }

func (r remote) no(inside string) error {
	return fmt.Errorf("LXD at %s: %s: it is on another machine: %w", r.address, inside, ErrTunneled)
}

func (r remote) local() (*inroot.Root, error) { return nil, r.no("/") }
func (r remote) readFile(_ context.Context, inside string, _ int64) ([]byte, error) {
	return nil, r.no(inside)
}

func (r remote) look(_ context.Context, inside string) (Info, error) { return Info{}, r.no(inside) }

func (r remote) readlink(_ context.Context, inside string) (string, error) { return "", r.no(inside) }

func (r remote) names(_ context.Context, inside string) ([]string, error) { return nil, r.no(inside) }

func (r remote) xattr(_ context.Context, inside, _ string) ([]byte, error) { return nil, r.no(inside) }

func (r remote) idmap(_ context.Context, pid string) (idmap.Map, error) {
	return idmap.Map{}, r.no("/proc/" + pid)
}

func (r remote) dial(_ context.Context, inside string) (net.Conn, error) {
	return nil, r.no(inside)
}

// hostIDs maps every id to itself: the ids of that LXD are the host's.
func (remote) hostIDs(context.Context) (idmap.Map, error) { return idmap.Identity(), nil }

// userNamespace returns no name. Level 1 is unprivileged there, so no level shares the host's.
func (remote) userNamespace(context.Context) (string, error) { return "", nil }

func (remote) close() {}
