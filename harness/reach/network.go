package reach

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/ownthread"
)

// Network opens the network namespace that the root's init is in, on this machine. Close the file.
func (r *Root) Network() (*os.File, error) {
	root, err := r.Local()
	if err != nil {
		return nil, err
	}
	init, err := root.Process(1)
	if err != nil {
		return nil, fmt.Errorf("its init: %w", err)
	}
	defer init.Close()
	return init.Namespace("net")
}

// InNetwork calls do in that network namespace, on a thread of its own. do runs as root of the
// machine. A socket that it makes stays in the namespace.
func (r *Root) InNetwork(do func() error) error {
	namespace, err := r.Network()
	if err != nil {
		return err
	}
	defer namespace.Close()
	return ownthread.Run(func() error {
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter its network namespace: %w", err)
		}
		return do()
	})
}
