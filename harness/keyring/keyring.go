package keyring

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/canonical/lxd/shared"
	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"nestbed/harness/trust"
)

// The files of a keyring, named as LXD's client names its own (LXD: lxc/config/config.go and
// cert.go).
const (
	certFile   = "client.crt"
	keyFile    = "client.key"
	serversDir = "servercerts"
	lockFile   = "lock"
)

// A Keyring is a directory with a client certificate and the certificates of LXD servers.
type Keyring struct{ dir string }

// Open returns the keyring in a directory; "" is nestbed in the account's configuration directory
// (os.UserConfigDir). If the directory does not exist, Open makes it, with a client certificate
// and its key.
func Open(dir string) (*Keyring, error) {
	k, err := at(dir)
	if err == nil {
		if err = trust.Make(k.dir, 0o700); err == nil {
			err = k.makePair()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return k, nil
}

// makePair makes the client certificate and its key unless both exist. A lock keeps other
// processes out, because the two must match.
func (k *Keyring) makePair() error {
	lock := flock.New(k.file(lockFile))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Close()
	if shared.PathExists(k.file(certFile)) && shared.PathExists(k.file(keyFile)) {
		return nil
	}
	cert, key, err := shared.GenerateMemCert(true, shared.CertOptions{})
	if err != nil {
		return err
	}
	return errors.Join(renameio.WriteFile(k.file(keyFile), key, 0o600), renameio.WriteFile(k.file(certFile), cert, 0o644))
}

// ErrNoDir is the error for an account without a configuration directory.
var ErrNoDir = errors.New("no directory")

func at(dir string) (*Keyring, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		return &Keyring{abs}, err
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("%w: %w; name a directory for the keyring", ErrNoDir, err)
	}
	return &Keyring{filepath.Join(dir, "nestbed")}, nil
}

func (k *Keyring) file(name string) string { return filepath.Join(k.dir, name) }

// CertFile returns the path of the client certificate, for adding it to the trust store of LXD.
func (k *Keyring) CertFile() string { return k.file(certFile) }

// pinned returns the path of the known certificate of the LXD at an address.
func (k *Keyring) pinned(address string) string {
	return k.file(filepath.Join(serversDir, endpoint(address)+".crt"))
}

// Fingerprint returns the SHA-256 of the client certificate in hexadecimal digits, as LXD shows
// it.
func (k *Keyring) Fingerprint() (string, error) {
	cert, err := shared.ReadCert(k.CertFile())
	if err != nil {
		return "", fmt.Errorf("keyring: %s: %w", k.CertFile(), err)
	}
	return shared.CertFingerprint(cert), nil
}

// pair returns the client certificate and its key.
func (k *Keyring) pair() (cert, key string, err error) {
	c, err := os.ReadFile(k.CertFile())
	if err != nil {
		return "", "", err
	}
	secret, err := os.ReadFile(k.file(keyFile))
	return string(c), string(secret), err
}

// The reasons not to connect to an LXD server: another server could be answering in its place.
var (
	ErrNotPinned        = errors.New("nestbed does not know the certificate")
	ErrExpired          = errors.New("its certificate has expired")
	ErrOtherCertificate = errors.New("it shows another certificate")
)

// Dialer returns a function that connects to the LXD at an address, which ParseAddress has
// returned. The connection fails unless the server shows the certificate that the keyring has for
// this address.
func (k *Keyring) Dialer(address string, network *net.Dialer) (func(context.Context) (net.Conn, error), error) {
	return k.MemberDialer(address, address, network)
}

// MemberDialer is Dialer for a member of the cluster at an address. All members show the same
// certificate (LXD: lxd/util/encryption.go, LoadClusterCert).
func (k *Keyring) MemberDialer(cluster, address string, network *net.Dialer) (func(context.Context) (net.Conn, error), error) {
	pin, err := os.ReadFile(k.pinned(cluster))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of the LXD at %s; make them trust each other", ErrNotPinned, cluster)
	} else if err != nil {
		return nil, err
	}
	cert, key, err := k.pair()
	if err != nil {
		return nil, err
	}
	config, err := shared.GetTLSConfigMem(cert, key, "", string(pin), false)
	if err != nil {
		return nil, fmt.Errorf("keyring %s: %w", k.dir, err)
	}
	dialer := &tls.Dialer{NetDialer: network, Config: config}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", endpoint(address))
		return conn, k.explain(address, err)
	}, nil
}

// explain adds the meaning of a failed handshake to its error.
func (k *Keyring) explain(address string, err error) error {
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w (%w); create a new one there", ErrExpired, err)
	case errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0:
		return fmt.Errorf("%w, %s, than the known one in %s; if it has a new certificate, trust that",
			ErrOtherCertificate, shared.CertFingerprint(verification.UnverifiedCertificates[0]), k.pinned(address))
	}
	return err
}
