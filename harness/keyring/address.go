package keyring

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// scheme is how the address of a LXD of another machine begins, DefaultPort where it listens unless it was told otherwise (LXD:
// shared/const.go, HTTPSDefaultPort).
const (
	scheme      = "https"
	DefaultPort = "8443"
)

// IsAddress tells whether a text is meant as the address of a LXD of another machine.
func IsAddress(text string) bool { return strings.HasPrefix(text, scheme+"://") }

// ParseAddress reads https://HOST or https://HOST:PORT, and gives it with its port.
func ParseAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != scheme || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("address %q: not one of a LXD; write https://HOST or https://HOST:PORT (default port %s)", text, DefaultPort)
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return scheme + "://" + net.JoinHostPort(u.Hostname(), port), nil
}

// endpoint is the host and port of an address that was parsed.
func endpoint(address string) string { return strings.TrimPrefix(address, scheme+"://") }
