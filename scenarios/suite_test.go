package scenarios_test

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/harness/report"
	"nestbed/steps"
)

// othersFeature uses steps of another module: one only looks at the chain, the other changes it.
const othersFeature = `Feature: Steps of another module
  Background:
    Given an LXD host whose root allocation is "root:500000:65536"
    And a chain of depth 1 in which every level delegates what the levels below it need

  Scenario: One looks
    Then somebody looks at the chain
  Scenario: Another looks
    Then somebody looks at the chain
  Scenario: One looks before it changes something
    Then somebody looks at the chain
    And somebody writes into the chain
`

func TestStepsOfAnotherModuleShareAChainUnlessTheyChangeIt(t *testing.T) {
	parallel(t, 2)
	harnesstest.Source(t)
	var mu sync.Mutex
	hosts := map[string][]string{} // by what was done on them
	note := func(ctx context.Context, what string) error {
		chain, err := steps.Chain(ctx)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		hosts[what] = append(hosts[what], chain.Host.Name())
		return nil
	}
	reports := t.TempDir()
	run, err := steps.Suite{
		Features: fstest.MapFS{"others.feature": {Data: []byte(othersFeature)}},
		Steps: []steps.Step{
			{Keyword: steps.Then, Pattern: `^somebody looks at the chain$`, Do: func(ctx context.Context) error { return note(ctx, "look") }},
			{Keyword: steps.Then, Pattern: `^somebody writes into the chain$`, Changes: true, Do: func(ctx context.Context) error { return note(ctx, "write") }},
		},
		Concurrency: 1, Output: io.Discard, Reports: reports,
	}.Run(harnesstest.Context(t))
	require.NoError(t, err)
	saved, err := filepath.Glob(filepath.Join(reports, "*", report.RunFile))
	require.NoError(t, err)
	require.Len(t, saved, 1)
	again, err := report.LoadRun(saved[0])
	require.NoError(t, err)
	assert.Equal(t, run, again)
	require.Len(t, run.Scenarios, 3)
	for _, s := range run.Scenarios {
		assert.Equal(t, report.Passed, s.Status, s.Name)
	}
	require.Len(t, hosts["look"], 3)
	assert.Equal(t, hosts["look"][0], hosts["look"][1], "scenarios that only look share a host")
	assert.NotEqual(t, hosts["look"][0], hosts["look"][2], "the scenario that changes something has its own host")
	assert.Equal(t, hosts["look"][2:], hosts["write"])
}

func TestARunWithoutScenariosFails(t *testing.T) {
	harnesstest.Source(t)
	_, err := steps.Suite{Tags: "@no-such-tag", Output: io.Discard}.Run(harnesstest.Context(t))
	require.ErrorContains(t, err, "no scenario was run")
}
