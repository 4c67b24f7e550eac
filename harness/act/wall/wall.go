// Package wall tries operations that the kernel must refuse to the root of a level.
package wall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness"
)

// Thing is something in a container that must not be reachable from another container.
type Thing string

// The things.
const (
	AFile    Thing = "file"            // of root; looked for by name and through /proc/PID/root
	AProcess Thing = "process"         // of a user; looked for in /proc
	ASocket  Thing = "abstract socket" // looked for by name
)

// wallUser is the user id of the process that is looked for. No other process has it.
const wallUser = 54321

// Reaches makes a thing in the level owner and reports whether root of owner itself and root of
// other can reach it. Owner must reach it: otherwise the test would show nothing.
func Reaches(ctx context.Context, thing Thing, owner, other *harness.Level) (itself, others bool, err error) {
	// The name contains owner's, so that concurrent tries do not use the same thing.
	word := fmt.Sprintf("nestbed-wall-%d-%s", owner.Index, owner.Name)
	var try func(l *harness.Level) (bool, error)
	look := func() error {
		if itself, err = try(owner); err != nil {
			return err
		}
		others, err = try(other)
		return err
	}
	switch thing {
	case AFile:
		try = func(l *harness.Level) (bool, error) {
			return yes(ctx, l, `for r in "" /proc/[0-9]*/root; do [ -e "$r/var/tmp/$0" ] && echo yes && exit; done; echo no`, word)
		}
		if _, err := owner.Exec(ctx, "sh", "-c", `umask 077; echo "$0" >"/var/tmp/$0"`, word); err != nil {
			return false, false, err
		}
		return itself, others, errors.Join(look(), removeFile(ctx, owner, "/var/tmp/"+word))
	case AProcess:
		try = func(l *harness.Level) (bool, error) {
			return yes(ctx, l, `cat /proc/[0-9]*/status 2>/dev/null | grep -q "^Uid:[^0-9]*$0[^0-9]" && echo yes || echo no`, fmt.Sprint(wallUser))
		}
		err = harness.WhileRunning(ctx, owner, wallUser, func(string) error { return look() })
		return itself, others, err
	case ASocket:
		var listener net.Listener
		err := inNetwork(owner, func() (err error) {
			listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", "@"+word)
			return err
		})
		if err != nil {
			return false, false, err
		}
		try = func(l *harness.Level) (bool, error) { return dials(ctx, l, "@"+word) }
		return itself, others, errors.Join(look(), listener.Close())
	}
	return false, false, fmt.Errorf("thing %q: not known", thing)
}

// yes runs a script that prints yes or no.
func yes(ctx context.Context, l *harness.Level, script string, args ...string) (bool, error) {
	out, err := l.Exec(ctx, append([]string{"sh", "-c", script}, args...)...)
	return strings.TrimSpace(out) == "yes", err
}

func removeFile(ctx context.Context, l *harness.Level, path string) error {
	_, err := l.Exec(ctx, "rm", "-f", path)
	return err
}

// dials reports whether something listens on an abstract socket in the level's network namespace.
func dials(ctx context.Context, l *harness.Level, name string) (bool, error) {
	err := inNetwork(l, func() error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", name)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if errors.Is(err, unix.ECONNREFUSED) {
		return false, nil
	}
	return err == nil, err
}

// inNetwork calls do in the level's network namespace, to which abstract sockets belong. do runs
// as root of the machine, so whatever the kernel refuses it, it also refuses to root of the level.
func inNetwork(l *harness.Level, do func() error) error {
	if err := l.Root().InNetwork(do); err != nil {
		return fmt.Errorf("level %d: %w", l.Index, err)
	}
	return nil
}
