package steps

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
)

// A position is what surrounds a scenario in its feature.
type position struct {
	rule     string
	comments map[string]string // the comments right above tags, by the ids of the tags
}

// chosen returns the scenarios that godog's options select, and their positions by their ids.
func chosen(of godog.Options) ([]*godog.Scenario, map[string]position, error) {
	read, err := reading(godog.TestSuite{Options: &of}.RetrieveFeatures)
	if err != nil {
		return nil, nil, err
	}
	var all []*godog.Scenario
	positions := map[string]position{}
	for _, f := range read {
		comments := commentsAbove(f.GherkinDocument)
		all = append(all, f.Pickles...)
		for _, p := range f.Pickles {
			at := position{comments: comments}
			if rule := f.FindRule(p.AstNodeIds[0]); rule != nil {
				at.rule = rule.Name
			}
			positions[p.Id] = at
		}
	}
	return all, positions, nil
}

// reading reads features with godog. Its parser panics at some files that are not Gherkin.
func reading[T any](read func() (T, error)) (all T, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("features: a file is not Gherkin: %v", why)
		}
	}()
	if all, err = read(); err != nil {
		err = readable(err)
	}
	return all, err
}

// commentsAbove returns the comments in the lines right above tags, by the ids of the tags.
func commentsAbove(d *messages.GherkinDocument) map[string]string {
	lines := map[int64]string{}
	for _, c := range d.Comments {
		lines[c.Location.Line] = strings.TrimSpace(strings.TrimLeft(c.Text, " #"))
	}
	above := map[string]string{}
	for _, tag := range tagsOf(d) {
		if text := lines[tag.Location.Line-1]; text != "" {
			above[tag.Id] = text
		}
	}
	return above
}

// tagsOf returns all tags of a feature.
func tagsOf(d *messages.GherkinDocument) (tags []*messages.Tag) {
	addScenario := func(s *messages.Scenario) {
		if s == nil {
			return
		}
		tags = append(tags, s.Tags...)
		for _, e := range s.Examples {
			tags = append(tags, e.Tags...)
		}
	}
	tags = append(tags, d.Feature.Tags...)
	for _, child := range d.Feature.Children {
		addScenario(child.Scenario)
		if child.Rule != nil {
			tags = append(tags, child.Rule.Tags...)
			for _, c := range child.Rule.Children {
				addScenario(c.Scenario)
			}
		}
	}
	return tags
}
