package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

func TestEveryMissingCapabilityHasAFix(t *testing.T) {
	for _, path := range []string{"", t.TempDir()} {
		if path != "" {
			programsIn(t, path) // so this machine has no programs
		}
		for _, c := range Capabilities(bundle.Store{}, bundle.Source{Kind: bundle.Installed}) {
			assert.NotEmpty(t, c.Found, c.For)
			if c.Elsewhere {
				assert.Empty(t, c.Fix, "%s: there is nothing to fix", c.For)
				continue
			}
			assert.Equal(t, c.OK, c.Fix == "", "%s: only what is missing has a fix", c.For)
			if path != "" && c.For == Tools {
				require.ErrorContains(t, c.Err(), "no usermod, ")
				require.ErrorContains(t, c.Err(), "apt-get install ")
			}
		}
	}
}

func TestDebiansBundlesBringTheTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range Capabilities(bundle.Store{}, bundle.Source{Kind: bundle.Debian, Arg: "trixie"}) {
		if c.For == Tools {
			assert.NoError(t, c.Err())
		}
	}
}
