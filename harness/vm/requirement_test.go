package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnAccountNeedsTheIdsOfAWholeDebian(t *testing.T) {
	for text, wanted := range map[string]bool{
		"me:100000:65536\n":                    true,
		"you:1:65536\n1000:100000:65536":       true,
		"me:100000:65535\n":                    false,
		"you:100000:65536\n":                   false,
		"# me\n\nme:100000\nme:200000:70000\n": true,
		"":                                     false,
	} {
		assert.Equal(t, wanted, hasSubIDs(text, "me", "1000"), text)
	}
}
