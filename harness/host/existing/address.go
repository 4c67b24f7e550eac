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

// LXD is an existing LXD, or Incus, and how it is connected to.
type LXD struct {
	// Address is the path of its socket, or https://HOST:PORT as keyring.ParseAddress returns it.
	Address string
	// Keyring is the directory of the keyring for LXDs of other machines; "" is the account's own, as in keyring.Open.
	Keyring string
}

// dialer returns that of the LXD.
func (l LXD) dialer() (reach.Dialer, error) {
	if !keyring.IsAddress(l.Address) {
		return func(ctx context.Context) (net.Conn, error) { return dialSocket(ctx, l.Address) }, nil
	}
	k, err := keyring.Open(l.Keyring)
	if err != nil {
		return nil, err
	}
	return k.Dialer(l.Address, overNetwork())
}

// inProcessRoot matches a path through the root directory of a process: its id, and the path below that directory.
var inProcessRoot = regexp.MustCompile(`^/proc/([0-9]+)/root(/.*)$`)

// dialSocket connects to a socket by its path. A path through the root directory of a process stays below that directory.
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

// nearerBudget is for a member of a cluster to be connected to: what takes longer is no better way.
const nearerBudget = 5 * time.Second

// nearer is how the member of a cluster at a url is connected to by itself, if it can be: of chains on it, the one that is connected to else
// carries all bytes, as well as its own. The members' addresses are those that they have for each other, which need not be reached from here, and a
// socket gives nobody the right to use them.
func (s *daemon) nearer(ctx context.Context, url string) reach.Dialer {
	address, err := keyring.ParseAddress(url)
	if err != nil || address == s.Address || !keyring.IsAddress(s.Address) {
		return s.dial
	}
	k, err := keyring.Open(s.Keyring)
	if err != nil {
		return s.dial
	}
	dial, err := k.MemberDialer(s.Address, address, overNetwork())
	if err != nil {
		return s.dial
	}
	ctx, cancel := context.WithTimeout(ctx, nearerBudget)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return s.dial
	}
	_ = conn.Close()
	return s.losses.watch(dial)
}

// unreachable says what to do where nothing is reached at an address, or nobody lets this account in.
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

// ErrUntrusted is the error of an LXD on another machine that does not let this account in.
var ErrUntrusted = errors.New("it does not trust nestbed's certificate")

// untrusted says what to do if an LXD does not trust this account.
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
