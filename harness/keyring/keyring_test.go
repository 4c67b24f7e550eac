package keyring

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/canonical/lxd/shared"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"https://lab":              "https://lab:8443",
		"https://lab/":             "https://lab:8443",
		"https://10.0.0.1:443":     "https://10.0.0.1:443",
		"https://[2001:db8::1]":    "https://[2001:db8::1]:8443",
		"https://[2001:db8::1]:99": "https://[2001:db8::1]:99",
	} {
		got, err := ParseAddress(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
		again, err := ParseAddress(got)
		require.NoError(t, err)
		assert.Equal(t, got, again)
	}
	for _, text := range []string{"", "https://", "http://lab", "lab:8443", "https://user@lab", "https://lab/1.0", "https://lab?x=1", "https://lab:port"} {
		_, err := ParseAddress(text)
		require.ErrorContains(t, err, "expected https://HOST or https://HOST:PORT", text)
	}
}

func TestAKeyringIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := Open(dir)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	k, err := Open(dir)
	require.NoError(t, err)
	cert, key, err := k.pair()
	require.NoError(t, err)
	_, err = tls.X509KeyPair([]byte(cert), []byte(key))
	require.NoError(t, err, "they belong together")
	info, err := os.Stat(filepath.Join(dir, keyFile))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	before, err := k.Fingerprint()
	require.NoError(t, err)
	k, err = Open(dir)
	require.NoError(t, err)
	after, err := k.Fingerprint()
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// startServer starts a TLS server. It returns its address and its certificate, which is valid
// until then.
func startServer(t *testing.T, until time.Time) (address string, cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root@there"}, DNSNames: []string{"there"},
		NotBefore: until.Add(-time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: tls.RequestClientCert,
	})
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1)) // waits for the handshake and the end of the connection
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		<-ended
	})
	return scheme + "://" + listener.Addr().String(), cert
}

func (k *Keyring) keep(t *testing.T, address string, cert *x509.Certificate) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(k.pinned(address)), 0o700))
	require.NoError(t, os.WriteFile(k.pinned(address), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600))
}

func connect(t *testing.T, k *Keyring, address string) error {
	t.Helper()
	dial, err := k.Dialer(address, &net.Dialer{})
	if err != nil {
		return err
	}
	var conn net.Conn
	if conn, err = dial(t.Context()); err == nil {
		err = conn.Close()
	}
	return err
}

func TestOnlyAServerWithTheKnownCertificateIsAccepted(t *testing.T) {
	k, err := Open(t.TempDir())
	require.NoError(t, err)
	address, cert := startServer(t, time.Now().Add(time.Hour))
	other, otherCert := startServer(t, time.Now().Add(time.Hour))
	old, oldCert := startServer(t, time.Now().Add(-time.Minute))

	require.ErrorIs(t, connect(t, k, address), ErrNotPinned)
	k.keep(t, address, cert)
	require.NoError(t, connect(t, k, address))
	k.keep(t, other, cert)
	require.ErrorContains(t, connect(t, k, other), "it shows another certificate, "+shared.CertFingerprint(otherCert))
	k.keep(t, old, oldCert)
	require.ErrorContains(t, connect(t, k, old), "its certificate has expired")
	require.NoError(t, os.WriteFile(k.pinned(old), []byte("nonsense"), 0o600))
	require.ErrorContains(t, connect(t, k, old), "keyring "+k.dir)
}

func TestATokenIsForOneLXD(t *testing.T) {
	k, err := Open(t.TempDir())
	require.NoError(t, err)
	address, cert := startServer(t, time.Now().Add(time.Hour))
	token := api.CertificateAddToken{
		ClientName: "nestbed", Fingerprint: shared.CertFingerprint(cert), Addresses: []string{endpoint(address)}, Secret: "secret",
	}
	_, err = certificateAt(t.Context(), address, token.Fingerprint)
	require.NoError(t, err)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = k.Trust(ended, token.String())
	require.ErrorIs(t, err, context.Canceled)
	token.Fingerprint = "00"
	_, err = k.Trust(t.Context(), token.String())
	require.ErrorContains(t, err, "expected a certificate with fingerprint 00, got "+shared.CertFingerprint(cert))
	token.ExpiresAt = time.Now().Add(-time.Minute)
	_, err = k.Trust(t.Context(), token.String())
	require.ErrorContains(t, err, "token: it expired at ")
	for _, text := range []string{"", "nonsense", "e30K"} {
		_, err = k.Trust(t.Context(), text)
		require.ErrorContains(t, err, "give a token that `lxc config trust add --name nestbed` has printed", text)
	}
	entries, err := os.ReadDir(k.dir)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "only the pair and its lock")
}
