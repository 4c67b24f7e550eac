package keyring

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// scheme begins the address of an LXD on another machine. DefaultPort is LXD's default port (LXD:
// shared/const.go, HTTPSDefaultPort).
const (
	scheme      = "https"
	DefaultPort = "8443"
)

// IsAddress reports whether a text has the form of an address of an LXD on another machine.
func IsAddress(text string) bool { return strings.HasPrefix(text, scheme+"://") }

// ParseAddress parses https://HOST or https://HOST:PORT and returns the address with its port.
func ParseAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != scheme || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("address %q: expected https://HOST or https://HOST:PORT (default port %s)", text, DefaultPort)
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return scheme + "://" + net.JoinHostPort(u.Hostname(), port), nil
}

// endpoint returns the host and port of an address that ParseAddress has returned.
func endpoint(address string) string { return strings.TrimPrefix(address, scheme+"://") }
