package scenarios_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// strangerEnv makes the test binary a program that reads attempts from its input, makes them, and
// prints the errors.
const strangerEnv = "NESTBED_TEST_STRANGER"

// A operation is an operation that an account may try against a running host.
type operation string

const (
	list   operation = "list"   // the directory
	read   operation = "read"   // the file
	write  operation = "write"  // open the file for writing; its content stays
	create operation = "create" // something in the directory
	dial   operation = "dial"   // the Unix socket; with @, an abstract one in the network namespace
	notify operation = "signal" // the process
)

// An attempt is an operation and its target.
type attempt struct {
	Do   operation
	Path string
	Pid  int    // of notify
	Net  string // of dial: the network namespace's file
}

func (a attempt) String() string { return fmt.Sprint(a.Do, " ", a.Path) }

// An account is a user and a group, without supplementary groups.
type account struct{ UID, GID uint32 }

// try makes the attempts as the account. It returns an error text for each, "" if it succeeded.
func (who account) try(t *testing.T, attempts []attempt) []string {
	t.Helper()
	order, err := json.Marshal(attempts)
	require.NoError(t, err)
	// Other accounts may not be able to reach the path of this program.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{strangerEnv + "=yes"}
	cmd.Stdin = bytes.NewReader(order)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: who.UID, Gid: who.GID}}
	out, err := cmd.Output()
	require.NoError(t, err)
	var refused []string
	require.NoError(t, json.Unmarshal(out, &refused))
	require.Len(t, refused, len(attempts))
	return refused
}

// beStranger is the main function of the program.
func beStranger() {
	var attempts []attempt
	if err := json.NewDecoder(os.Stdin).Decode(&attempts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	refused := make([]string, len(attempts))
	for i, a := range attempts {
		if err := a.do(); err != nil {
			refused[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(refused); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func (a attempt) do() error {
	switch a.Do {
	case list:
		_, err := os.ReadDir(a.Path)
		return err
	case read, write:
		flags := unix.O_RDONLY
		if a.Do == write {
			flags = unix.O_WRONLY
		}
		fd, err := unix.Open(a.Path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if a.Do == read {
			_, err = unix.Read(fd, make([]byte, 1)) // files of /proc check permissions again at a read
		}
		if errors.Is(err, unix.EINVAL) {
			return nil // the file of a namespace: opening it is enough to enter it
		}
		return err
	case create:
		made := filepath.Join(a.Path, fmt.Sprint("stranger-", os.Getpid()))
		if err := unix.Mkdir(made, 0o700); err != nil {
			return err
		}
		return unix.Rmdir(made)
	case dial:
		return a.dial()
	case notify:
		return unix.Kill(a.Pid, 0) // signal 0 needs the same permission as any other (man 2 kill)
	}
	return fmt.Errorf("%s: unknown", a.Do)
}

// dial connects to the socket, from the network namespace if it can be entered, else from its own.
func (a attempt) dial() error {
	runtime.LockOSThread() // the thread may change its namespace and must not be reused
	var entered error
	if a.Net != "" {
		if fd, err := unix.Open(a.Net, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			entered = err
		} else {
			entered = unix.Setns(fd, unix.CLONE_NEWNET)
			_ = unix.Close(fd)
		}
	}
	to := &unix.SockaddrUnix{Name: a.Path}
	if a.Path[0] != '@' {
		// Paths of state are too long for a socket address.
		fd, err := unix.Open(a.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to.Name = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	var err error
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
		fd, made := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if made != nil {
			return made
		}
		err = unix.Connect(fd, to)
		_ = unix.Close(fd)
		if !errors.Is(err, unix.EPROTOTYPE) {
			break
		}
	}
	if err != nil {
		return errors.Join(err, entered)
	}
	return nil
}
