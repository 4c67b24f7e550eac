package relay

import (
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// The verbs with which the program takes what the kernel gives each user only some of.
const (
	// TakeAll takes all that it can get, prints how many these were and why there is no more, and
	// keeps them until it is killed.
	TakeAll = "take"
	// TakeOne takes one and gives it back. It fails with the kernel's error.
	TakeOne = "try"
)

// The kinds of what it takes.
const (
	Keys    = "keys"    // man 2 add_key
	Inotify = "inotify" // instances: man 2 inotify_init
)

// takeLimit is more than any quota of a test.
const takeLimit = 1 << 16

// Hold takes all of a kind, writes how many these were and why there is no more, and returns when
// the process is asked to end.
func Hold(kind string, to io.Writer) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	n, err := Take(kind, takeLimit)
	fmt.Fprintln(to, n, err)
	<-stop
}

// Take takes up to most of a kind. It returns how many it got, and the kernel's error if it got
// fewer. They end with the process.
func Take(kind string, most int) (n int, err error) {
	for ; n < most && err == nil; n++ {
		switch kind {
		case Keys:
			_, err = unix.AddKey("user", fmt.Sprintf("nestbed %d", n), []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
		case Inotify:
			_, err = unix.InotifyInit1(unix.IN_CLOEXEC)
		default:
			return n, fmt.Errorf("%s: not known; use %s or %s", kind, Keys, Inotify)
		}
	}
	if err != nil {
		n--
	}
	return n, err
}
