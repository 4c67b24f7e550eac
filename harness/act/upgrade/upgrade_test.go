package upgrade

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

func TestLXDAndIncusCannotReplaceEachOther(t *testing.T) {
	lxd, incus := &bundle.Bundle{Flavor: idmap.LXD, LXD: "5.21"}, &bundle.Bundle{Flavor: idmap.Incus, LXD: "6.0.4"}
	for _, c := range []struct {
		old, next *bundle.Bundle
		words     string
	}{
		{lxd, incus, "it runs LXD 5.21, which cannot be replaced by Incus 6.0.4; migrate from LXD to Incus with lxd-to-incus"},
		{incus, lxd, "it runs Incus 6.0.4, which cannot be replaced by LXD 5.21; migrate from LXD to Incus with lxd-to-incus"},
	} {
		assert.EqualError(t, sameFlavor(c.old, c.next), c.words)
	}
}
