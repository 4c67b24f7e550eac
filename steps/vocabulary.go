package steps

import (
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
)

// Keyword is the keyword of a step. In a scenario, And and But stand for the previous keyword.
type Keyword string

// The keywords.
const (
	Given Keyword = "Given"
	When  Keyword = "When"
	Then  Keyword = "Then"
)

// Step is one wording of the vocabulary with its meaning.
type Step struct {
	Keyword Keyword `json:"keyword"`
	// Pattern is a regular expression that matches the whole step.
	Pattern string `json:"pattern"`
	// Meaning says in a sentence or two what the step sets up, does or checks.
	Meaning string `json:"meaning"`
	// Example is the first use of the step in the features, including its table or text.
	Example string `json:"example"`
	// Changes means that the step changes the chain or its host. A scenario with such a step gets
	// its own chain; other scenarios may share one.
	Changes bool `json:"changes"`
	// Do is the function that godog calls, for a step that Suite.Steps adds. Its parameters are an
	// optional context, the groups of Pattern, and an optional table or text. It returns an error
	// or nothing, and gets the chain from Chain.
	Do any `json:"-"`
}

// check returns an error if a step cannot be added to the vocabulary.
func (s Step) check() error {
	if !slices.Contains([]Keyword{Given, When, Then}, s.Keyword) {
		return fmt.Errorf("step %q: keyword %q, expected Given, When or Then", s.Pattern, s.Keyword)
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return fmt.Errorf("step %q: %w", s.Pattern, err)
	}
	if reflect.ValueOf(s.Do).Kind() != reflect.Func {
		return fmt.Errorf("step %q: Do is %T, expected a function", s.Pattern, s.Do)
	}
	return nil
}

// step is a step of nestbed's vocabulary. method returns the function that godog calls for a
// scenario; changes is Step.Changes.
type step struct {
	keyword          Keyword
	pattern, meaning string
	method           func(*scenario) any
	changes          bool
}

// Values of step.changes: with a step that changes the chain or its host, a scenario needs its own
// chain. Scenarios whose steps change nothing may share one.
const (
	changes = true
	shares  = false
)

// vocabulary is the list of all steps.
var vocabulary = slices.Concat(
	hostSteps, bundleSteps, fileSteps, chainSteps, outcomeSteps, mapSteps, levelSteps,
	privilegeSteps, nestingSteps, appArmorSteps, systemdSteps,
	siblingSteps, siblingOutcomeSteps, changeSteps,
	rawIDMapSteps, imageSteps, imageGivenSteps, imageOutcomeSteps,
	lifeSteps, endSteps, againSteps, copySteps, keptSteps,
	wallSteps, programSteps, limitSteps, limitOutcomeSteps,
	storageSteps, storageOutcomeSteps, workloadSteps,
	faultSteps, projectSteps, upgradeSteps,
)

// uses returns all steps of all scenarios.
func uses(features fs.FS) ([]*messages.PickleStep, error) {
	suite := godog.TestSuite{Options: &godog.Options{FS: features, Paths: []string{"."}}}
	read, err := suite.RetrieveFeatures()
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	var used []*messages.PickleStep
	for _, feature := range read {
		for _, p := range feature.Pickles {
			used = append(used, p.Steps...)
		}
	}
	return used, nil
}

// Vocabulary returns all steps, each with an example from the features.
func Vocabulary(features fs.FS) ([]Step, error) {
	used, err := uses(features)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range vocabulary {
		pattern, err := regexp.Compile(s.pattern)
		if err != nil {
			return nil, fmt.Errorf("step %q: %w", s.pattern, err)
		}
		step := Step{Keyword: s.keyword, Pattern: groupName.ReplaceAllString(s.pattern, "("), Meaning: s.meaning, Changes: s.changes}
		if i := slices.IndexFunc(used, func(u *messages.PickleStep) bool { return pattern.MatchString(u.Text) }); i >= 0 {
			step.Example = example(used[i])
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// groupName matches the start of a named group. Only canFail uses the names.
var groupName = regexp.MustCompile(`\(\?P<\w+>`)

// example returns a step as it is written in a feature.
func example(s *messages.PickleStep) string {
	lines := []string{s.Text}
	switch {
	case s.Argument == nil:
	case s.Argument.DocString != nil:
		lines = append(lines, `"""`, s.Argument.DocString.Content, `"""`)
	case s.Argument.DataTable != nil:
		var table strings.Builder
		columns := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
		for _, row := range s.Argument.DataTable.Rows {
			for _, cell := range row.Cells {
				fmt.Fprintf(columns, "| %s\t", cell.Value)
			}
			fmt.Fprintln(columns, "|")
		}
		_ = columns.Flush() // into memory
		lines = append(lines, strings.TrimSuffix(table.String(), "\n"))
	}
	return strings.Join(lines, "\n")
}

// change reports whether any of the steps changes the chain.
func (p *pool) change(steps []*messages.PickleStep) bool {
	return slices.ContainsFunc(steps, func(s *messages.PickleStep) bool {
		return slices.ContainsFunc(p.changing(), func(pattern *regexp.Regexp) bool { return pattern.MatchString(s.Text) })
	})
}

// changing returns the patterns of the steps that change the chain.
func (p *pool) changing() []*regexp.Regexp {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.patterns != nil {
		return p.patterns
	}
	for _, s := range vocabulary {
		if s.changes {
			p.patterns = append(p.patterns, regexp.MustCompile(s.pattern))
		}
	}
	for _, s := range p.steps {
		if s.Changes {
			p.patterns = append(p.patterns, regexp.MustCompile(s.Pattern))
		}
	}
	return p.patterns
}

// register registers the vocabulary and the suite's own steps for one scenario.
func (s *scenario) register(sc *godog.ScenarioContext) {
	with := map[Keyword]func(expr, method any){Given: sc.Given, When: sc.When, Then: sc.Then}
	for _, step := range vocabulary {
		method := step.method(s)
		if s.pool.Mutate > 0 && step.keyword == Then {
			method = s.canFail(step.pattern, method)
		}
		with[step.keyword](step.pattern, escaping(method))
	}
	for _, step := range s.pool.steps {
		with[step.Keyword](step.Pattern, escaping(step.Do))
	}
}
