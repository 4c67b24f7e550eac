package idmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// This file is in package idmap, not idmap_test, because of its init. Go initializes packages
// in the order of their paths as far as imports permit, so this init runs before those of
// net/http, rapid and other imports of tests. That halves the start-up time of a process, and a
// run starts some ten thousand.

// processName is the argv[0] of the processes of a chain.
const processName = "idmap-namespace"

// connFD is the file descriptor of the chain's socket in each of its processes.
const connFD = 3

// messageSize is the maximum size of a message in bytes: an order has about ten texts of one
// page, a report two maps of MaxLines.
const messageSize = 1 << 16

// An Order makes the lowest process of a chain start a process in a new user namespace and try
// to write its maps. Without attempts it starts no process.
type Order struct {
	Up       bool // end instead; the parent is then the lowest process
	Attempts []Attempt
}

// An Attempt is one write to a map of a new user namespace.
type Attempt struct {
	File string // "uid_map" or "gid_map"
	Text string // for a single write
}

// A Report is the answer to an Order.
type Report struct {
	Own     struct{ UID, GID string } // the reporting process's own maps; empty if the test itself reports
	Refused syscall.Errno             // error of creating the user namespace, or 0
	PID     int                       // of the process in the new user namespace
	Errnos  []syscall.Errno           // error of each attempt; 0 if the kernel accepted the map
	Err     string                    // any other error
}

// A Chain is a chain of processes below the test, each in a user namespace that the one before
// it created. Its processes end with the test, or on Close.
type Chain struct {
	test, below *os.File // the two ends of one socket; all processes below share one end
	first       *os.Process
}

// NewChain returns a chain without processes.
func NewChain() (*Chain, error) {
	// The socket uses packets, so that a process never reads part of a message for another.
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	return &Chain{test: os.NewFile(uintptr(fds[0]), "chain"), below: os.NewFile(uintptr(fds[1]), "chain")}, nil
}

// Up ends the lowest process, which must not be the first.
func (c *Chain) Up() error { return send(c.test, Order{Up: true}) }

// Down adds a process. The lowest existing process, or at first the test itself, starts it and
// writes its maps. Down must not be called again unless both maps were written.
func (c *Chain) Down(o Order) (Report, error) {
	var r Report
	if c.first == nil {
		c.first = r.execute(o, c.below)
		// From now on, the socket reports end of file when the last process has ended.
		_ = c.below.Close()
	} else {
		if err := send(c.test, o); err != nil {
			return r, err
		}
		if err := receive(c.test, &r); err != nil {
			return r, fmt.Errorf("the lowest process of the chain has ended: %w", err)
		}
	}
	if r.Err != "" {
		return r, errors.New(r.Err)
	}
	return r, nil
}

// Close ends the processes, the lowest first, and waits for them.
func (c *Chain) Close() {
	_ = c.test.Close()
	_ = c.below.Close()
	if c.first != nil {
		_, _ = c.first.Wait()
	}
}

func init() {
	if os.Args[0] == processName {
		process(os.NewFile(connFD, "chain"))
		syscall.Exit(0) // not os.Exit, which sleeps for a second with the race detector
	}
}

// process is the main function of a process in a new user namespace. Its first order comes
// after its maps are written. While it has a child, the child gets the orders. It ends on an Up
// order, or when the socket is closed, by the test or by the test's end.
func process(conn *os.File) {
	for mapped := false; ; mapped = true {
		var o Order
		if receive(conn, &o) != nil || o.Up {
			return
		}
		var r Report
		err := r.readMaps()
		if err == nil && !mapped {
			err = r.switchIDs()
		}
		var child *os.Process
		if err != nil {
			r.Err = err.Error()
		} else if len(o.Attempts) > 0 {
			child = r.execute(o, conn)
		}
		if send(conn, r) != nil {
			return
		}
		if child != nil {
			_, _ = child.Wait()
		}
	}
}

func (r *Report) readMaps() error {
	for path, own := range map[string]*string{"/proc/self/uid_map": &r.Own.UID, "/proc/self/gid_map": &r.Own.GID} {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		*own = string(text)
	}
	return nil
}

// switchIDs switches to ids that exist in the maps, because the kernel otherwise refuses a user
// namespace (kernel/user_namespace.c, create_user_ns). It prefers id 0: a switch from 0 to
// another id would lose all capabilities.
func (r *Report) switchIDs() error {
	var ids [2]int
	for i, own := range []string{r.Own.UID, r.Own.GID} {
		mappings, err := ParseMappings(own)
		if err != nil {
			return err
		}
		if _, root := Up(mappings, 0); !root {
			ids[i] = int(mappings[0].Inside)
		}
	}
	if err := syscall.Setresgid(ids[1], ids[1], ids[1]); err != nil {
		return fmt.Errorf("setresgid %d: %w", ids[1], err)
	}
	if err := syscall.Setresuid(ids[0], ids[0], ids[0]); err != nil {
		return fmt.Errorf("setresuid %d: %w", ids[0], err)
	}
	// A process that switched its ids is not dumpable, and its child is not either until its
	// exec is complete. The child's files in /proc then do not belong to the child, so the
	// parent cannot write them (fs/proc/base.c, task_dump_owner). Go considers an exec complete
	// when it closes files, which is slightly earlier (fs/exec.c, begin_new_exec).
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 1, 0); errno != 0 {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", errno)
	}
	return nil
}

// execute starts the child and makes the attempts. The writer of a map must be in the parent
// namespace and needs CAP_SYS_ADMIN, CAP_SETUID or CAP_SETGID, and CAP_SETFCAP to map the
// parent's uid 0 (kernel/user_namespace.c, map_write, new_idmap_permitted, verify_root_map).
// The child becomes such a writer. It gets these capabilities as ambient ones, because without
// uid 0 it would lose the others at its exec.
func (r *Report) execute(o Order, conn *os.File) *os.Process {
	const capSetGID, capSetUID, capSysAdmin, capSetFCap = 6, 7, 21, 31
	child, err := os.StartProcess("/proc/self/exe", []string{processName}, &os.ProcAttr{
		Env:   []string{"GOGC=off"}, // the process lives for milliseconds
		Files: []*os.File{os.Stdin, os.Stderr, os.Stderr, connFD: conn},
		Sys: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			AmbientCaps: []uintptr{capSetGID, capSetUID, capSysAdmin, capSetFCap},
		},
	})
	if err != nil {
		if !errors.As(err, &r.Refused) {
			r.Err = err.Error()
		}
		return nil
	}
	r.PID = child.Pid
	for _, a := range o.Attempts {
		fd, err := syscall.Open("/proc/"+strconv.Itoa(child.Pid)+"/"+a.File, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			r.Err = fmt.Sprintf("open %s of a new user namespace: %v", a.File, err)
			return child
		}
		var errno syscall.Errno
		if _, err := syscall.Write(fd, []byte(a.Text)); err != nil && !errors.As(err, &errno) {
			r.Err = err.Error()
		}
		_ = syscall.Close(fd)
		r.Errnos = append(r.Errnos, errno)
	}
	return child
}

func send(conn *os.File, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = conn.Write(b)
	return err
}

func receive(conn *os.File, message any) error {
	b := make([]byte, messageSize)
	n, err := conn.Read(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(b[:n], message)
}
