// Package ownthread runs functions on threads that are then discarded.
package ownthread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs do on an OS thread that is then discarded, so do may enter other namespaces. It
// never uses the main thread: /proc/PID shows the namespaces of that thread, which lives as
// long as the process.
func Run(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
		if unix.Gettid() != unix.Getpid() {
			done <- do()
			return
		}
		done <- Run(do) // the main thread is occupied until this returns
		runtime.UnlockOSThread()
	}()
	return <-done
}
