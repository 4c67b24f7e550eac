package steps

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"

	"nestbed/features"
)

// A Mistake is a step or a tag in a feature that nestbed does not know, or a scenario without
// steps.
type Mistake struct {
	File string
	Line int64 // from 1
	// What is the step or the tag, and what is wrong with it.
	What string
	// Known are known steps or tags that resemble it, the most similar first.
	Known []string
}

// String returns the mistake in one line, without Known.
func (m Mistake) String() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.What) }

// Mistakes returns the mistakes in the scenarios that the suite selects, in their order. A feature
// that cannot be read is an error.
func (s Suite) Mistakes() ([]Mistake, error) {
	s = s.withDefaults()
	options := s.godogOptions()
	read, err := reading(godog.TestSuite{Options: &options}.RetrieveFeatures)
	if err != nil {
		return nil, err
	}
	known, err := s.known()
	if err != nil {
		return nil, err
	}
	var mistakes []Mistake
	add := func(m Mistake) {
		// The rows of an outline share their lines, with other values.
		same := func(o Mistake) bool {
			return o.File == m.File && o.Line == m.Line && value.ReplaceAllString(o.What, "") == value.ReplaceAllString(m.What, "")
		}
		if m.What != "" && !slices.ContainsFunc(mistakes, same) {
			mistakes = append(mistakes, m)
		}
	}
	for _, f := range read {
		lines := map[string]int64{}
		for _, tag := range tagsOf(f.GherkinDocument) {
			lines[tag.Id] = tag.Location.Line
		}
		for _, p := range s.named(f.Pickles) {
			if len(p.Steps) == 0 {
				add(Mistake{f.Uri, f.FindScenario(p.AstNodeIds[0]).Location.Line, "Scenario " + p.Name + ": it has no steps", nil})
			}
			for _, tag := range p.Tags {
				what, similar := unknownTag(tag.Name)
				add(Mistake{f.Uri, lines[tag.AstNodeId], what, similar})
			}
			for _, step := range p.Steps {
				what, similar := known.unknownStep(step)
				add(Mistake{f.Uri, f.FindStep(step.AstNodeIds[0]).Location.Line, what, similar})
			}
		}
	}
	return mistakes, nil
}

// parserError is an error of the Gherkin parser, after the file.
var parserError = regexp.MustCompile(`^(.+) - Parser errors:\s+\((\d+):\d+\): (.*)`)

// readable returns an error about a feature file in one line, with the file and the line of the
// first mistake.
func readable(err error) error {
	if m := parserError.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s:%s: not valid Gherkin: %s", m[1], m[2], narrow(m[3]))
	}
	return fmt.Errorf("features: %w", err)
}

// knownStep is a step of the vocabulary or of the suite.
type knownStep struct {
	keyword Keyword
	pattern *regexp.Regexp
	example string // its first line, or the pattern
}

type knownSteps []knownStep

func (s Suite) known() (knownSteps, error) {
	vocabulary, err := Vocabulary(features.FS)
	if err != nil {
		return nil, err
	}
	var all knownSteps
	for _, step := range slices.Concat(vocabulary, s.Steps) {
		pattern, err := regexp.Compile(step.Pattern)
		if err != nil {
			return nil, fmt.Errorf("step %q: %w", step.Pattern, err)
		}
		example, _, _ := strings.Cut(step.Example, "\n")
		if example == "" {
			example = step.Pattern
		}
		all = append(all, knownStep{step.Keyword, pattern, example})
	}
	return all, nil
}

// keywords are the keywords by the types of the parser's steps.
var keywords = map[messages.PickleStepType]Keyword{messages.PickleStepType_CONTEXT: Given, messages.PickleStepType_ACTION: When, messages.PickleStepType_OUTCOME: Then}

// unknownStep returns "" if a step is known. Otherwise it says what is wrong, and which known steps
// resemble it.
func (k knownSteps) unknownStep(step *messages.PickleStep) (what string, similar []string) {
	keyword, typed := keywords[step.Type]
	for _, known := range k {
		if !known.pattern.MatchString(step.Text) {
			continue
		}
		if !typed || known.keyword == keyword {
			return "", nil
		}
		what = fmt.Sprintf("%s %s: this is a %s step", keyword, step.Text, known.keyword)
	}
	if what != "" {
		return what, nil
	}
	examples := make([]string, len(k))
	for i, known := range k {
		examples[i] = fmt.Sprintf("%s %s", known.keyword, known.example)
	}
	return fmt.Sprintf("%s %s: not a known step", keyword, step.Text), closest(fmt.Sprintf("%s %s", keyword, step.Text), examples)
}

// unknownTag returns "" for a tag that is known, and for one that is the author's own. Otherwise it
// says what is wrong, and which known tags resemble it.
func unknownTag(tag string) (what string, similar []string) {
	if !reserved.MatchString(tag) || versionTag.MatchString(tag) {
		return "", nil
	}
	known := append(slices.Sorted(maps.Values(tags)), requiresOtherBundles, onAcceptedDowngrade, onRefusedDowngrade)
	if slices.Contains(known, tag) {
		return "", nil
	}
	return tag + ": not a known tag", closest(tag, known)
}

// reserved matches tags that select scenarios by the machine or the version.
var reserved = regexp.MustCompile(`^@(requires|on|since|before)-`)

// mostSimilar is the number of known steps or tags that are shown.
const mostSimilar = 3

// value matches what differs between two uses of a step.
var value = regexp.MustCompile(`"[^"]*"|\d+`)

// closest returns the candidates that resemble text, the most similar first. Values do not count.
func closest(text string, candidates []string) []string {
	plain := func(s string) string { return value.ReplaceAllString(strings.ToLower(s), "_") }
	distance := map[string]int{}
	var similar []string
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(plain(text), plain(c))
		if _, seen := distance[c]; !seen && d <= len(plain(text))/2 {
			distance[c] = d
			similar = append(similar, c)
		}
	}
	slices.SortStableFunc(similar, func(a, b string) int { return distance[a] - distance[b] })
	return similar[:min(len(similar), mostSimilar)]
}
