package steps_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/fstest"

	"nestbed/features"
	"nestbed/harness/harnesstest"
	"nestbed/steps"
)

const feature = `Feature: A feature of another module
  Scenario: Root is root
    Given an LXD host whose root allocation is "root:500000:65536"
    When a chain of depth 1 is built without delegations
    Then root of level 1 is called "root"
`

// Another module runs its own feature with its own step. In a test, it calls Test instead of Run.
func ExampleSuite_Run() {
	called := func(ctx context.Context, level int, wanted string) error {
		chain, err := steps.Chain(ctx)
		if err != nil {
			return err
		}
		l, err := chain.Level(level)
		if err != nil {
			return err
		}
		name, err := l.Exec(ctx, "id", "-un")
		if err == nil && strings.TrimSpace(name) != wanted {
			err = fmt.Errorf("level %d: wanted %q, got %q", level, wanted, name)
		}
		return err
	}
	run, err := steps.Suite{
		Features: fstest.MapFS{"mine.feature": {Data: []byte(feature)}},
		Steps: []steps.Step{{
			Keyword: steps.Then, Pattern: `^root of level (\d+) is called "([^"]*)"$`, Meaning: "By id, run in the level.", Do: called,
		}},
		Format: "progress",
	}.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range run.Scenarios {
		fmt.Println(s.Name, s.Status)
	}
}

// TestTheExampleOfSuiteRuns runs the example if the machine can. An Output comment would make go
// test run it everywhere.
func TestTheExampleOfSuiteRuns(t *testing.T) {
	harnesstest.Source(t)
	ExampleSuite_Run()
}

// Each step of the vocabulary has a keyword, a pattern and a meaning.
func ExampleVocabulary() {
	vocabulary, err := steps.Vocabulary(features.FS)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range vocabulary {
		if strings.Contains(s.Pattern, "without a root allocation") {
			fmt.Println(s.Keyword, s.Example)
			fmt.Println(s.Meaning)
		}
	}
	// Output:
	// Given an LXD host without a root allocation
	// Both subid files of the host exist and are empty.
}
