// Package quota uses up what the kernel gives each user only some of, in one level, and looks
// whether another level still gets some.
package quota

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/reach"
	"nestbed/harness/reach/relay"
)

// A Kind is what a user has only some of.
type Kind string

// The kinds, as in steps.
const (
	Keys    Kind = "kernel key"       // kernel.keys.maxkeys for each id of the host (security/keys/key.c, key_alloc)
	Inotify Kind = "inotify instance" // for each id of a user namespace, and for its creator above (kernel/ucount.c, inc_ucount)
	Signals Kind = "pending signal"   // likewise, up to RLIMIT_SIGPENDING (kernel/ucount.c, inc_rlimit_get_ucounts)
)

// arguments are the relay's names of the kinds.
var arguments = map[Kind]string{Keys: relay.Keys, Inotify: relay.Inotify, Signals: relay.Signals}

// program is where the program is in a level.
const program = "/run/" + relay.Program

// takeAll starts the program in the background, and prints the line that it says when it has taken
// all. If it ends before that, the line is empty.
const takeAll = `rm -f /run/taken; mkfifo /run/taken
` + program + ` ` + relay.TakeAll + ` %s >/run/taken 2>&1 </dev/null &
read -r said </run/taken; echo "$said"`

// TakeAll makes root of a level take all of a kind that it can get, and keep them as long as the
// level runs. It returns how many it got, and why it got no more, in the words of Go's syscall
// package.
func TakeAll(ctx context.Context, store bundle.Store, l *harness.Level, kind Kind) (count int, errno string, err error) {
	if err := install(ctx, store, l); err != nil {
		return 0, "", err
	}
	out, err := l.Exec(ctx, "sh", "-c", fmt.Sprintf(takeAll, arguments[kind]))
	if err != nil {
		return 0, "", err
	}
	text, errno, _ := strings.Cut(strings.TrimSpace(out), " ")
	if count, err = strconv.Atoi(text); err != nil {
		err = fmt.Errorf("level %d: take each %s: read %q, expected a number and an error", l.Index, kind, out)
	}
	return count, errno, err
}

// TakeOne makes root of a level take one of a kind, and returns the kernel's error, or "".
func TakeOne(ctx context.Context, store bundle.Store, l *harness.Level, kind Kind) (errno string, err error) {
	if err := install(ctx, store, l); err != nil {
		return "", err
	}
	out, err := l.Exec(ctx, "sh", "-c", program+" "+relay.TakeOne+" "+arguments[kind]+" 2>&1; true")
	return strings.TrimSpace(out), err
}

// install copies the program into a level. Only root of the level can do that: on an idmapped mount
// root of the host does not exist.
func install(ctx context.Context, store bundle.Store, l *harness.Level) error {
	text, err := reach.Relay(ctx, store)
	if err != nil {
		return err
	}
	_, err = l.ExecAs(ctx, 0, bytes.NewReader(text), "sh", "-c", "[ -e "+program+" ] || { cat >"+program+" && chmod 755 "+program+"; }")
	return err
}
