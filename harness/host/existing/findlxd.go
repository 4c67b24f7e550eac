package existing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// sockets are the usual sockets: of LXD from the snap and from packages (LXD:
// client/connection.go, ConnectLXDUnix), and of Incus (Incus: internal/server/util/sys.go,
// VarPath and RunPath).
var sockets = []string{
	"/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket", "/run/incus/unix.socket", "/var/lib/incus/unix.socket",
}

// ErrNotListening is the error of a socket on this machine at which no LXD listens.
var ErrNotListening = errors.New("no LXD listens")

// FindLXD returns the socket of this machine's LXD or Incus: the first one in the usual places.
func FindLXD() (string, error) {
	for _, path := range sockets {
		if info, err := os.Stat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
			return path, nil
		} else if errors.Is(err, fs.ErrPermission) {
			return "", notAllowed(path)
		}
	}
	return "", fmt.Errorf("LXD of this machine: %w at %q; start it", ErrNotListening, sockets)
}

// permissionFix is what to do if an LXD does not let this account in.
const permissionFix = "run it as root, or as a member of its group: lxd, or incus-admin"

func notAllowed(socket string) error {
	return fmt.Errorf("LXD at %s: %w; %s", socket, fs.ErrPermission, permissionFix)
}
