package steps

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/cucumber/godog"
)

// Keyword is what a step stands behind in a scenario; And and But repeat the one before.
type Keyword string

// The keywords.
const (
	Given Keyword = "Given"
	When  Keyword = "When"
	Then  Keyword = "Then"
)

// Step is one wording of the vocabulary, and its one meaning.
type Step struct {
	Keyword Keyword `json:"keyword"`
	// Pattern is a regular expression that matches the whole step.
	Pattern string `json:"pattern"`
	// Meaning is a sentence: what is wanted, done or looked at.
	Meaning string `json:"meaning"`
	// Example is the first use of the step in the features.
	Example string `json:"example"`
}

// step is how a step is written down here: method gives what godog calls, for one scenario.
type step struct {
	keyword          Keyword
	pattern, meaning string
	method           func(*scenario) any
}

// vocabulary is every step, by the rooms that they are in.
var vocabulary = slices.Concat(hostSteps, fileSteps, chainSteps, outcomeSteps, mapSteps, levelSteps, lifeSteps)

// Vocabulary lists every step, each with an example from the features.
func Vocabulary(features fs.FS) ([]Step, error) {
	suite := godog.TestSuite{Options: &godog.Options{FS: features, Paths: []string{"."}}}
	read, err := suite.RetrieveFeatures()
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	var used []string
	for _, feature := range read {
		for _, p := range feature.Pickles {
			for _, s := range p.Steps {
				used = append(used, s.Text)
			}
		}
	}
	var steps []Step
	for _, s := range vocabulary {
		pattern, err := regexp.Compile(s.pattern)
		if err != nil {
			return nil, fmt.Errorf("step %q: %w", s.pattern, err)
		}
		example := ""
		if i := slices.IndexFunc(used, pattern.MatchString); i >= 0 {
			example = used[i]
		}
		steps = append(steps, Step{Keyword: s.keyword, Pattern: s.pattern, Meaning: s.meaning, Example: example})
	}
	return steps, nil
}

// register registers the vocabulary for one scenario.
func (s *scenario) register(sc *godog.ScenarioContext) {
	with := map[Keyword]func(expr, method any){Given: sc.Given, When: sc.When, Then: sc.Then}
	for _, step := range vocabulary {
		with[step.keyword](step.pattern, step.method(s))
	}
}
