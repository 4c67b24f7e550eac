package harnesstest_test

import (
	"testing"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
)

// One block of ids is enough for one level. With a second level, the chain must stop.
func Example() {
	test := func(t *testing.T) {
		t.Helper()
		allocation := idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536})
		chain := harnesstest.Build(t, harnesstest.Host(t, allocation), harness.Cascade(1))
		harnesstest.AsPlanned(t, chain)

		harnesstest.Build(t, harnesstest.Host(t, allocation), harness.Cascade(2),
			harnesstest.StopsAt(2, idmap.OpCreate, idmap.OutsideParent))
	}
	_ = test // in a test file: func TestOneBlock(t *testing.T)
}
