package harnesstest_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/harnesstest"
)

// outcomeOf is a test that records how it ended.
type outcomeOf struct {
	testing.TB
	failed, skipped bool
}

func (o *outcomeOf) Helper()               {}
func (o *outcomeOf) Errorf(string, ...any) { o.failed = true }
func (o *outcomeOf) Skip(...any)           { o.skipped = true; runtime.Goexit() }
func (o *outcomeOf) FailNow()              { runtime.Goexit() }

// This program has no TestMain, so it does not call start.Init.
func TestATestWithoutInitFailsOnEveryMachine(t *testing.T) {
	harnesstest.Real(t)
	o := &outcomeOf{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		harnesstest.Source(o)
	}()
	<-done
	assert.True(t, o.failed)
	assert.False(t, o.skipped)
}
