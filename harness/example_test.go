package harness_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// Build makes a chain of two levels on a private host. It needs root and an installed LXD.
func ExampleBuild() {
	ctx := context.Background()
	b, err := bundle.Store{}.Make(ctx, bundle.Source{Kind: bundle.Installed})
	if err != nil {
		log.Fatal(err)
	}
	allocation := idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 131072}
	h, err := private.Start(ctx, private.Config{Delegation: idmap.Delegate(allocation), Bundle: b})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close(ctx)
	chain, err := harness.Build(ctx, h, harness.Cascade(2))
	if err != nil {
		fmt.Println(err) // a *harness.LevelError says at which level it stopped, in which operation and why
		return
	}
	defer chain.Close(ctx)
	checks, err := probe.Verify(ctx, chain)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(chain.Levels), "levels are up; what is not as planned:", harness.Failed(checks))
}

// TestTheExampleOfBuildRuns runs the example where it can run; go test itself would run it
// everywhere.
func TestTheExampleOfBuildRuns(t *testing.T) {
	if source := harnesstest.Source(t); source.Kind != bundle.Installed {
		t.Skip("the example is about the installed LXD")
	}
	ExampleBuild()
}

// In the article's chain every level keeps a block of 65536 ids and delegates one block for each
// level below it.
func ExampleCascade() {
	for i, level := range harness.Cascade(3).Levels {
		if level.Delegation == nil {
			fmt.Printf("level %d delegates nothing\n", i+1)
			continue
		}
		fmt.Printf("level %d delegates %s", i+1, level.Delegation.UID.Text)
	}
	// Output:
	// level 1 delegates root:65536:131072
	// level 2 delegates root:65536:65536
	// level 3 delegates nothing
}
