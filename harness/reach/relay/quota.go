package relay

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"unsafe"

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
	Signals = "signals" // pending real-time signals: man 2 rt_sigqueueinfo
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
		case Signals:
			err = pend()
		default:
			return n, fmt.Errorf("%s: not known; use %s, %s or %s", kind, Keys, Inotify, Signals)
		}
	}
	if err != nil {
		n--
	}
	return n, err
}

// pending is a signal that Go's runtime does not use.
const pending = unix.Signal(64)

// pend sends a signal to the calling thread, which has blocked it and keeps it.
func pend() error {
	runtime.LockOSThread()
	var blocked unix.Sigset_t
	blocked.Val[0] = 1 << (pending - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, nil); err != nil {
		return err
	}
	const queued = -1 // SI_QUEUE: if there is no room, the call fails
	info := unix.Siginfo{Signo: int32(pending), Code: queued}
	_, _, errno := unix.Syscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(os.Getpid()), uintptr(unix.Gettid()), uintptr(pending),
		uintptr(unsafe.Pointer(&info)), 0, 0) //nolint:gosec // x/sys has no function for this call
	if errno != 0 {
		return errno
	}
	return nil
}
