package upgrade

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

func TestNoIncusTakesThePlaceOfALXDNorTheOtherWayRound(t *testing.T) {
	lxd, incus := &bundle.Bundle{Flavor: idmap.LXD, LXD: "5.21"}, &bundle.Bundle{Flavor: idmap.Incus, LXD: "6.0.4"}
	for _, c := range []struct {
		old, next *bundle.Bundle
		words     string
	}{
		{lxd, incus, "it runs LXD 5.21, which Incus 6.0.4 cannot take the place of; Incus takes over from LXD by lxd-to-incus"},
		{incus, lxd, "it runs Incus 6.0.4, which LXD 5.21 cannot take the place of; Incus takes over from LXD by lxd-to-incus"},
	} {
		assert.EqualError(t, sameFlavor(c.old, c.next), c.words)
	}
}
