package steps

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAFailureInOneLineNamesTheFirstDifference(t *testing.T) {
	for text, want := range map[string]string{
		"level 1: no":          "level 1: no",
		"level 1: no\nand why": "level 1: no",
		"the uid maps differ:\nwanted 1\n   got 2\nwanted 3\n   got 4": "the uid maps differ: wanted 1 got 2",
		"\nthe uid maps differ:":  "the uid maps differ:",
		"the files differ:\nonly": "the files differ: only",
	} {
		assert.Equal(t, want, inALine(text))
	}
}
