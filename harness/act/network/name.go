package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// Name returns the name that dnsmasq gives to a level, in the domain of the bridge that the level
// is connected to. f is the flavor of the LXD that has the bridge.
func Name(f idmap.Flavor, level harness.LevelSpec, index int) string {
	domain := string(idmap.LXD)
	if f.Incus() {
		domain = string(idmap.Incus)
	}
	return harness.ContainerName(index) + "." + cmp.Or(level.Network["dns.domain"], domain)
}

// ErrNoName is the error of a name that has no address.
var ErrNoName = errors.New("no such name")

// nameBudget is the time for a name to get its IPv6 address: dnsmasq pings the address first, which
// it has computed from the interface's (man 8 dnsmasq, ra-names).
const nameBudget = 30 * time.Second

// Resolve asks the level's DNS server for the addresses of a name. It asks for IPv6 addresses until
// there is one.
func Resolve(ctx context.Context, l *harness.Level, name string, f Family) (found []netip.Addr, err error) {
	if f == IPv4 {
		return resolve(ctx, l, name, f)
	}
	err = wait.For(ctx, "wait for the "+string(f)+" address of "+name, nameBudget, func(ctx context.Context) error {
		found, err = resolve(ctx, l, name, f)
		return err
	})
	return found, err
}

func resolve(ctx context.Context, l *harness.Level, name string, f Family) ([]netip.Addr, error) {
	kind := map[Family]string{IPv4: "a", IPv6: "aaaa"}[f]
	out, err := l.Exec(ctx, "sh", "-c", `nslookup -type="$0" "$1" 2>&1; true`, kind, name)
	if err != nil {
		return nil, err
	}
	found := answers(out)
	if len(found) > 0 {
		return found, nil
	}
	err = fmt.Errorf("level %d: %s: no %s address; nslookup said: %s", l.Index, name, f, strings.Join(strings.Fields(out), " "))
	// A server refuses to answer if neither it nor any server above knows the domain.
	if strings.Contains(out, "NXDOMAIN") || strings.Contains(out, "No answer") || strings.Contains(out, "REFUSED") {
		err = fmt.Errorf("%w: %w", ErrNoName, err)
	}
	return nil, err
}

// answers reads the addresses from the output of busybox's nslookup. The lines before the first
// name are about the server.
func answers(text string) (found []netip.Addr) {
	_, text, _ = strings.Cut(text, "\nName:")
	for line := range strings.Lines(text) {
		if value, is := strings.CutPrefix(line, "Address:"); is {
			if a, err := netip.ParseAddr(strings.TrimSpace(value)); err == nil {
				found = append(found, a)
			}
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found)
}
