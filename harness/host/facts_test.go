package host

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

func TestFactsAreWrittenInOneLine(t *testing.T) {
	f := Facts{LXD: "5.0.2", Kernel: "6.1.0", Cgroup: "v2", AppArmor: "off", Bundle: "installed (0123456789abcdef)"}
	assert.Equal(t, "LXD 5.0.2, kernel 6.1.0, cgroup v2, AppArmor off, bundle installed (0123456789abcdef)", f.String())
	f.LXD, f.Flavor = "6.0.4", idmap.Incus
	assert.Equal(t, "Incus 6.0.4, kernel 6.1.0, cgroup v2, AppArmor off, bundle installed (0123456789abcdef)", f.String())

	b := &bundle.Bundle{Source: bundle.Source{Kind: bundle.Installed}, Key: "0123456789abcdef", Flavor: idmap.LXD.At("5.0.2"), LXD: "5.0.2"}
	got := FactsOf(b)
	assert.Equal(t, "5.0.2", got.LXD)
	assert.Equal(t, idmap.LXD.At("5.0.2"), got.Flavor)
	assert.Equal(t, "installed (0123456789abcdef)", got.Bundle)
	assert.NotEqual(t, "unknown", got.Kernel)
	assert.Contains(t, []string{"off", "enforced"}, got.AppArmor)
	assert.NotContains(t, got.String(), "\n")
}

func TestAVersionNewerThanAnyKnownIsNamedAsOne(t *testing.T) {
	for version, newer := range map[string]string{
		"5.21.3 LTS": "", "6.9": "", "6.9.1": "", "6.10": "6.9", "7.0": "6.9", "no version": "",
	} {
		f := Facts{LXD: version, Flavor: idmap.LXD.At(version)}
		if newer == "" {
			assert.NotContains(t, f.String(), "newer")
			continue
		}
		assert.Contains(t, f.String(), "LXD "+version+" (newer than "+newer+", whose rules are used), kernel")
	}
	assert.Contains(t, Facts{LXD: "7.3", Flavor: idmap.Incus.At("7.3")}.String(), "Incus 7.3 (newer than 7.0, whose rules are used)")
}
