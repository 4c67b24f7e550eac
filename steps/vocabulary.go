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
	// Whole means that the step needs levels with their own /usr (harness.Spec.Whole). It changes
	// files there, looks at their owners, or runs a program that has set-user-id.
	Whole bool `json:"whole"`
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
// scenario; needs has Step.Changes and Step.Whole.
type step struct {
	keyword          Keyword
	pattern, meaning string
	method           func(*scenario) any
	needs            needs
}

// needs is what a step needs of the chain that it uses, as a set of bits.
type needs uint8

const (
	// changes means that the step changes the chain or its host, so its scenario needs its own
	// chain.
	changes needs = 1 << iota
	// whole means that every level must have its own /usr.
	whole
	// shares means that the step changes nothing, so its scenario may share its chain.
	shares       needs = 0
	sharesWhole        = shares | whole
	changesWhole       = changes | whole
)

// needs returns what the step needs of the chain.
func (s Step) needs() (n needs) {
	if s.Changes {
		n |= changes
	}
	if s.Whole {
		n |= whole
	}
	return n
}

// vocabulary is the list of all steps.
var vocabulary = slices.Concat(
	hostSteps, bundleSteps, fileSteps, chainSteps, outcomeSteps, mapSteps, levelSteps,
	privilegeSteps, nestingSteps, appArmorSteps, systemdSteps,
	siblingSteps, siblingOutcomeSteps, changeSteps,
	rawIDMapSteps, imageSteps, imageGivenSteps, imageOutcomeSteps,
	lifeSteps, endSteps, againSteps, copySteps, keptSteps,
	wallSteps, programSteps, limitSteps, limitOutcomeSteps, quotaSteps, pullSteps,
	storageSteps, storageOutcomeSteps, workloadSteps, engineSteps, networkGivenSteps, networkSteps, networkOutcomeSteps, siblingNetworkSteps,
	faultSteps, projectSteps, upgradeSteps,
)

// uses returns all steps of all scenarios.
func uses(features fs.FS) ([]*messages.PickleStep, error) {
	suite := godog.TestSuite{Options: &godog.Options{FS: features, Paths: []string{"."}}}
	read, err := reading(suite.RetrieveFeatures)
	if err != nil {
		return nil, err
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
		step := Step{Keyword: s.keyword, Pattern: groupName.ReplaceAllString(s.pattern, "("), Meaning: s.meaning, Changes: s.needs&changes != 0, Whole: s.needs&whole != 0}
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

// needsOf returns what the steps of a scenario together need.
func (p *pool) needsOf(steps []*messages.PickleStep) (all needs) {
	for _, s := range steps {
		for _, n := range p.needing() {
			if n.pattern.MatchString(s.Text) {
				all |= n.needs
			}
		}
	}
	return all
}

// needing is a step that needs something.
type needing struct {
	pattern *regexp.Regexp
	needs
}

// needing returns the steps that need something.
func (p *pool) needing() []needing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.needs != nil {
		return p.needs
	}
	for _, s := range vocabulary {
		if s.needs != shares {
			p.needs = append(p.needs, needing{regexp.MustCompile(s.pattern), s.needs})
		}
	}
	for _, s := range p.steps {
		if n := s.needs(); n != shares {
			p.needs = append(p.needs, needing{regexp.MustCompile(s.Pattern), n})
		}
	}
	return p.needs
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
