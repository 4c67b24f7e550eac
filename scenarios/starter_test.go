package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheStarterOfInitPasses(t *testing.T) {
	parallel(t, 1)
	nestbed := nestbedCommand(t)
	dir := t.TempDir()
	_, stderr, status := nestbed("init", dir)
	assert.Zero(t, status, stderr)
	stdout, stderr, status := nestbed("test", dir)
	assert.Zero(t, status, stderr)
	assert.Contains(t, stdout, "\n2 passed, 0 failed, 0 skipped in ")
}
