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

// strangerEnv makes the test binary a program that tries what its input says, and tells how each went.
const strangerEnv = "NESTBED_TEST_STRANGER"

// deed is what somebody may try against a running host.
type deed string

const (
	list   deed = "list"   // the directory
	read   deed = "read"   // the file
	write  deed = "write"  // the file, as far as opening it: what is in it stays
	create deed = "create" // something in the directory
	dial   deed = "dial"   // the Unix socket; an abstract one, with @, in the network namespace
	notify deed = "signal" // the process
)

// attempt is a deed and what it is done to.
type attempt struct {
	Do   deed
	Path string
	Pid  int    // of notify
	Net  string // of dial: the file of the namespace
}

func (a attempt) String() string { return fmt.Sprint(a.Do, " ", a.Path) }

// account is who tries: user and group, without any other group.
type account struct{ UID, GID uint32 }

// tries has the account do all attempts, and gives for each why it did not succeed, or "".
func (who account) tries(t *testing.T, attempts []attempt) []string {
	t.Helper()
	order, err := json.Marshal(attempts)
	require.NoError(t, err)
	// Not by its path, which others need not reach.
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

// strangerTries is the program.
func strangerTries() {
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
			_, err = unix.Read(fd, make([]byte, 1)) // files of /proc look again who reads
		}
		if errors.Is(err, unix.EINVAL) {
			return nil // a namespace: to have it open is to have it
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
		return unix.Kill(a.Pid, 0) // whoever may send none may send any (man 2 kill)
	}
	return fmt.Errorf("%s: unknown", a.Do)
}

// dial connects, in the namespace if that lets us in, else from where we are.
func (a attempt) dial() error {
	runtime.LockOSThread() // a thread that is in another namespace ends with its goroutine, or with this program
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
		// Paths of state are longer than an address may be.
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
