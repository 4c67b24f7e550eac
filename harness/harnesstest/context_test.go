package harnesstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/wait"
)

func TestWaitsHaveThePatienceOfTheMachine(t *testing.T) {
	t.Setenv(environment.Patience, "3")
	assert.InDelta(t, 3, wait.Patience(harnesstest.Context(t)), 0)
}
