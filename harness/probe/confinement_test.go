package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALabelIsReadProfileByProfile(t *testing.T) {
	for text, wanted := range map[string][]Confinement{
		"unconfined\n":                         {{Profile: "unconfined"}},
		"lxc-container-default-cgns (enforce)": {{Profile: "lxc-container-default-cgns"}},
		"lxd-c1_</var/lib/lxd-3145449452>//&:lxd-c1_<var-lib-lxd-3145449452>:unconfined (enforce)\n": {
			{Profile: "c1"}, {Namespace: "c1", Profile: "unconfined"},
		},
		"lxd-c1_</var/lib/lxd-31>//&:lxd-c1_<var-lib-lxd-31>:lxd-c2_</var/lib/lxd> (enforce)": {
			{Profile: "c1"}, {Namespace: "c1", Profile: "c2"},
		},
		"incus-c1_</var/lib/lxd-31>//&:incus-c1_<var-lib-lxd-31>://unconfined (mixed)": {
			{Profile: "c1"}, {Namespace: "c1", Profile: "unconfined"},
		},
	} {
		assert.Equal(t, wanted, parseLabel(text), text)
	}
}
