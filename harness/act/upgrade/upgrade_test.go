package upgrade

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

func TestNoIncusTakesThePlaceOfALXDNorTheOtherWayRound(t *testing.T) {
	lxd, incus := &bundle.Bundle{Flavor: idmap.LXD, LXD: "5.21"}, &bundle.Bundle{Flavor: idmap.Incus, LXD: "6.0.4"}
	for _, c := range []struct {
		old, next *bundle.Bundle
		words     string
	}{
		{lxd, incus, "level 0: upgrade: it runs LXD 5.21, which Incus 6.0.4 cannot take the place of; Incus takes over from LXD by lxd-to-incus"},
		{incus, lxd, "level 0: upgrade: it runs Incus 6.0.4, which LXD 5.21 cannot take the place of; Incus takes over from LXD by lxd-to-incus"},
	} {
		chain := &harness.Chain{Host: &host.Host{Bundle: c.old}}
		assert.EqualError(t, Replace(t.Context(), chain, 0, c.next), c.words)
	}
}
