package keyring

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared"
	"github.com/canonical/lxd/shared/api"
	"github.com/google/renameio/v2"
)

// trustBudget is the time for LXD to show its certificate, and for each request. Across
// continents they take about a second.
const trustBudget = 20 * time.Second

// Trust exchanges certificates with the LXD that made a token (`lxc config trust add`) and
// returns its address. The fingerprint in the token identifies that LXD. Trust tries the token's
// addresses in order until one answers with that fingerprint.
func (k *Keyring) Trust(ctx context.Context, token string) (address string, err error) {
	decoded, err := shared.CertificateTokenDecode(strings.TrimSpace(token))
	if err != nil {
		return "", fmt.Errorf("token: %w; give a token that `lxc config trust add --name nestbed` has printed", err)
	}
	if at := decoded.ExpiresAt; !at.IsZero() && at.Before(time.Now()) {
		return "", fmt.Errorf("token: it expired at %s; create another one there: lxc config trust add --name nestbed", at.Local().Format(time.DateTime))
	}
	var errs []error
	for _, at := range decoded.Addresses {
		address, err := ParseAddress(scheme + "://" + at)
		if err == nil {
			var cert *x509.Certificate
			if cert, err = certificateAt(ctx, address, decoded.Fingerprint); err == nil {
				// The right LXD answers here, so another address would not do better, even if
				// this fails.
				return address, k.redeem(ctx, address, cert, token)
			}
		}
		errs = append(errs, fmt.Errorf("%s: %w", at, err))
	}
	return "", fmt.Errorf("token: no LXD with its fingerprint answers: %w", errors.Join(errs...))
}

// certificateAt returns the certificate of the LXD at an address. It fails if the fingerprint
// differs, and sends no request.
func certificateAt(ctx context.Context, address, fingerprint string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, trustBudget)
	defer cancel()
	var found *x509.Certificate
	// The certificate chain does not matter: the fingerprint covers the whole certificate.
	config := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error { //nolint:gosec // see above
		found = s.PeerCertificates[0]
		if got := shared.CertFingerprint(found); subtle.ConstantTimeCompare([]byte(got), []byte(strings.ToLower(fingerprint))) != 1 {
			return fmt.Errorf("another server answers: expected a certificate with fingerprint %s, got %s", fingerprint, got)
		}
		return nil
	}}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", endpoint(address))
	if err != nil {
		return nil, err
	}
	return found, conn.Close()
}

// redeem uses the token to make LXD trust this account's certificate, and saves LXD's certificate.
func (k *Keyring) redeem(ctx context.Context, address string, cert *x509.Certificate, token string) error {
	pin := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	own, key, err := k.pair()
	if err != nil {
		return err
	}
	server, err := lxd.ConnectLXDWithContext(ctx, address, &lxd.ConnectionArgs{
		TLSClientCert: own, TLSClientKey: key, TLSServerCert: string(pin), HTTPClient: &http.Client{Timeout: trustBudget},
	})
	if err != nil {
		return fmt.Errorf("LXD at %s: %w", address, err)
	}
	defer server.Disconnect()
	info, _, err := server.GetServer()
	if err != nil {
		return fmt.Errorf("LXD at %s: %w", address, err)
	}
	if info.Auth != "trusted" { // a token that is not used here could still be used by others
		order := api.CertificatesPost{Type: api.CertificateTypeClient, Password: token}
		if server.HasExtension("explicit_trust_token") {
			order.Password, order.TrustToken = "", token
		}
		if err := server.CreateCertificate(order); err != nil {
			return fmt.Errorf("LXD at %s: it rejects the token: %w; a token can be used once: create another one there: lxc config trust add --name nestbed", address, err)
		}
	}
	path := k.pinned(address)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(path, pin, 0o600)
}
