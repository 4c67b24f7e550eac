package existing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/keyring"
	"nestbed/harness/reach"
)

// An LXD is an existing LXD or Incus, and how to connect to it.
type LXD struct {
	// Address is the path of its socket, or https://HOST:PORT as keyring.ParseAddress returns it.
	Address string
	// Keyring is the directory of the keyring for LXDs on other machines. Empty means the
	// account's own, as in keyring.Open.
	Keyring string
}

// dialer returns the Dialer of the LXD.
func (l LXD) dialer() (reach.Dialer, error) {
	if !keyring.IsAddress(l.Address) {
		return func(ctx context.Context) (net.Conn, error) { return dialSocket(ctx, l.Address) }, nil
	}
	k, err := keyring.Open(l.Keyring)
	if err != nil {
		return nil, err
	}
	return k.Dialer(l.Address, networkDialer())
}

// inProcessRoot matches a path through the root directory of a process. It captures the pid and
// the path below the root.
var inProcessRoot = regexp.MustCompile(`^/proc/([0-9]+)/root(/.*)$`)

// dialSocket connects to a socket by its path. It resolves a path through the root directory of a
// process so that symlinks cannot lead out of that directory.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	through := inProcessRoot.FindStringSubmatch(path)
	if through == nil {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	pid, err := strconv.Atoi(through[1])
	if err != nil {
		return nil, err
	}
	root, err := reach.OpenProcess(pid)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Dial(ctx, through[2])
}

// memberDialBudget limits how long memberDialer tries a direct connection.
const memberDialBudget = 5 * time.Second

// memberDialer returns a Dialer that connects directly to the cluster member at a url, and s.dial
// if that is not possible. Without it, the member that s.dial connects to also carries the data
// of chains on other members.
//
// A direct connection may fail, because members publish addresses for each other that may not be
// reachable from here. Over a socket, memberDialer does not try: access to the socket grants no
// access to those addresses.
func (s *daemon) memberDialer(ctx context.Context, url string) reach.Dialer {
	address, err := keyring.ParseAddress(url)
	if err != nil || address == s.Address || !keyring.IsAddress(s.Address) {
		return s.dial
	}
	k, err := keyring.Open(s.Keyring)
	if err != nil {
		return s.dial
	}
	dial, err := k.MemberDialer(s.Address, address, networkDialer())
	if err != nil {
		return s.dial
	}
	ctx, cancel := context.WithTimeout(ctx, memberDialBudget)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return s.dial
	}
	_ = conn.Close()
	return s.losses.watch(dial)
}

// unreachable adds to err what to do if nothing answers at an address, or this account may not
// use it.
func unreachable(address string, err error) error {
	switch gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED); {
	case err == nil:
		return nil
	case keyring.IsAddress(address) && gone:
		return fmt.Errorf("%w; start it, or have it listen: lxc config set core.https_address :%s", err, keyring.DefaultPort)
	case keyring.IsAddress(address):
		return err
	case errors.Is(err, fs.ErrPermission):
		return notAllowed(address)
	case gone:
		return fmt.Errorf("%w: %w; start it", ErrNotListening, err)
	}
	return err
}

// ErrUntrusted is the error of an LXD on another machine that does not trust this account.
var ErrUntrusted = errors.New("it does not trust nestbed's certificate")

// untrusted returns what to do if the LXD does not trust this account.
func (l LXD) untrusted(auth string) error {
	if !keyring.IsAddress(l.Address) {
		return fmt.Errorf("it does not trust this user (%q); run as root, or as a member of its group", auth)
	}
	k, err := keyring.Open(l.Keyring)
	if err != nil {
		return err
	}
	fingerprint, err := k.Fingerprint()
	if err != nil {
		return err
	}
	return fmt.Errorf("%w, %.12s (%q); have each trust the other", ErrUntrusted, fingerprint, auth)
}
