package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnEmulatedProcessorIsKnownByItsName(t *testing.T) {
	for text, want := range map[string]bool{
		"processor\t: 0\nmodel name\t: QEMU TCG CPU version 2.5+\n": true,
		"model name\t: AMD EPYC\nmodel name\t: QEMU TCG\n":          false, // the first one counts
		"model\t: 1\nBogoMIPS\t: 50.00\n":                           false,
		"":                                                          false,
	} {
		assert.Equal(t, want, emulated(modelName(text)), text)
	}
	assert.NotEmpty(t, processor())
}
