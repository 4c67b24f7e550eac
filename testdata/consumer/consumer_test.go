// Package consumer is another module that uses nestbed: in plain Go tests, and in its own feature
// with its own step.
package consumer

import (
	"context"
	"embed"
	"fmt"
	"os"
	"strings"
	"testing"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/steps"
)

//go:embed *.feature
var features embed.FS

func TestMain(m *testing.M) {
	start.Init() // hosts run this program again as their helpers
	os.Exit(m.Run())
}

func allocation(count uint32) idmap.Delegation {
	return idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: count})
}

func TestTwoLevelsComeUp(t *testing.T) {
	h := harnesstest.Host(t, allocation(131072), func(c *private.Config) { c.SharePIDs = true })
	harnesstest.AsPlanned(t, harnesstest.Build(t, h, harness.Cascade(2)))
}

func TestTheSecondLevelDoesNotFit(t *testing.T) {
	h := harnesstest.Host(t, allocation(65536))
	harnesstest.Build(t, h, harness.Cascade(2), harnesstest.StopsAt(2, idmap.OpCreate, idmap.OutsideParent))
}

func TestFeatures(t *testing.T) {
	steps.Suite{Features: features, Steps: []steps.Step{{
		Keyword: steps.Then, Pattern: `^at level (\d+) the command "([^"]*)" prints "([^"]*)"$`,
		Meaning: "Root of the level runs it.", Do: prints,
	}}}.Test(t)
}

func prints(ctx context.Context, level int, command, wanted string) error {
	chain, err := steps.Chain(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	got, err := l.Exec(ctx, strings.Fields(command)...)
	if err == nil && strings.TrimSpace(got) != wanted {
		err = fmt.Errorf("level %d: %s: wanted %q, got %q", level, command, wanted, got)
	}
	return err
}
