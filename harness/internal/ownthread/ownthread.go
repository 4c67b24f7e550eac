// Package ownthread runs functions on threads that are of no use for anything else afterwards.
package ownthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs do on a thread that ends with it: do may enter other namespaces. The thread is never the first one, by
// which the kernel shows the whole process in /proc, and which does not end before the process.
func Run(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		if unix.Gettid() != unix.Getpid() {
			done <- do()
			return
		}
		done <- Run(do) // the first thread is taken meanwhile
		runtime.UnlockOSThread()
	}()
	return <-done
}
