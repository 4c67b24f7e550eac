package idmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// This file is in package idmap, not idmap_test, for its init: packages are set
// up in the order of their names as far as their imports allow, and this one is
// before net/http, rapid and what else a test imports. That halves the time that
// a process of a chain takes to start, and a proof starts some ten thousand.

// processName is what a process of a chain finds as its own name.
const processName = "idmap-namespace"

// connFD is the socket of the chain, in each of its processes.
const connFD = 3

// messageSize is the most that one message takes, in bytes: an order holds some
// ten texts of a page, a report two maps of MaxLines.
const messageSize = 1 << 16

// Order is what the test tells the lowest process of a chain: to start a process
// in a new user namespace and to make the attempts to write its maps. An order
// without attempts starts none.
type Order struct {
	Up       bool // to end instead; its parent is then the lowest
	Attempts []Attempt
}

// Attempt is one write to a map of a new user namespace.
type Attempt struct {
	File string // "uid_map" or "gid_map"
	Text string // all of it goes into one write
}

// Report is the answer to an Order.
type Report struct {
	Own     struct{ UID, GID string } // the maps as the reporting process sees its own; the test reports none
	Refused syscall.Errno             // of the new user namespace, 0 if it was made
	PID     int                       // of the process in the new user namespace
	Errnos  []syscall.Errno           // of each attempt, 0 if the kernel took the map
	Err     string                    // what went wrong that is no answer to the order
}

// Chain is a chain of processes below the test, each in a user namespace that
// the one before made. They end with the test, or on Close.
type Chain struct {
	test, below *os.File // the two ends of one socket, which all processes below share
	first       *os.Process
}

// NewChain makes a chain of no process yet.
func NewChain() (*Chain, error) {
	// Of packets, so that a message is read whole and nothing after it: the next is another process's.
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	return &Chain{test: os.NewFile(uintptr(fds[0]), "chain"), below: os.NewFile(uintptr(fds[1]), "chain")}, nil
}

// Up shortens the chain by its lowest process, which must not be its first.
func (c *Chain) Up() error { return send(c.test, Order{Up: true}) }

// Down lengthens the chain by one process, whose maps the lowest so far writes.
// The first Down is done by the test itself. Down may be called again only where
// the new process got both its maps.
func (c *Chain) Down(o Order) (Report, error) {
	var r Report
	if c.first == nil {
		c.first = r.obey(o, c.below)
		// From here on the socket is at its end when the last of the processes has ended.
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

// Close ends the processes, the lowest first, and waits until the last is gone.
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
		syscall.Exit(0) // not os.Exit, which with the race detector sleeps for a second
	}
}

// process lives in a new user namespace. Its first order comes when its maps are
// written. While it has a child the orders are the child's. It ends when told, or
// when the test closes the socket, which also the end of the test does.
func process(conn *os.File) {
	for mapped := false; ; mapped = true {
		var o Order
		if receive(conn, &o) != nil || o.Up {
			return
		}
		var r Report
		err := r.look()
		if err == nil && !mapped {
			err = r.wake()
		}
		var child *os.Process
		if err != nil {
			r.Err = err.Error()
		} else if len(o.Attempts) > 0 {
			child = r.obey(o, conn)
		}
		if send(conn, r) != nil {
			return
		}
		if child != nil {
			_, _ = child.Wait()
		}
	}
}

func (r *Report) look() error {
	for path, own := range map[string]*string{"/proc/self/uid_map": &r.Own.UID, "/proc/self/gid_map": &r.Own.GID} {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		*own = string(text)
	}
	return nil
}

// wake takes ids that the maps have: without them the kernel refuses a user
// namespace (kernel/user_namespace.c, create_user_ns). A process that has id 0
// takes that: going from 0 to another it would lose its capabilities.
func (r *Report) wake() error {
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
	// With other ids it is no longer dumpable, and its child is neither until the
	// exec is through: its files in /proc are then not the child's, and so not the
	// parent's to write (fs/proc/base.c, task_dump_owner). Go takes an exec for
	// done a little earlier, when it closes files (fs/exec.c, begin_new_exec).
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 1, 0); errno != 0 {
		return fmt.Errorf("prctl PR_SET_DUMPABLE: %w", errno)
	}
	return nil
}

// obey starts the child and makes the attempts. The writer of a map must be in
// the parent namespace, with CAP_SETUID or CAP_SETGID, CAP_SETFCAP where it maps
// the parent's uid 0, and CAP_SYS_ADMIN (kernel/user_namespace.c, map_write,
// new_idmap_permitted, verify_root_map); the child will be such a writer, so it
// takes them over its exec as ambient ones: it has no uid 0 that would bring them.
func (r *Report) obey(o Order, conn *os.File) *os.Process {
	const capSetGID, capSetUID, capSysAdmin, capSetFCap = 6, 7, 21, 31
	child, err := os.StartProcess("/proc/self/exe", []string{processName}, &os.ProcAttr{
		Env:   []string{"GOGC=off"}, // it lives for milliseconds
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
