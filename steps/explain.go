package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness/commands"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/postmortem"
	"nestbed/harness/printable"
)

// explain reports why a scenario failed: a summary on the terminal, and the full diagnosis in
// files and in the report. late limits the time for that.
func (s *scenario) explain(ctx, late context.Context, sc *godog.Scenario, failure error) (context.Context, error) {
	sum := summary{name: sc.Name, failure: failure, contradiction: s.contradiction, diagnosis: postmortem.Diagnose(late, s.chain)}
	kept, err := s.keep()
	if kept == nil {
		s.addGoroutines(late, sum.diagnosis, failure)
	}
	if s.chain != nil {
		dir, unsaved := s.pool.settings.Artifacts.Save(sc.Name, sum.diagnosis.Files())
		if unsaved == nil {
			sum.next = append(sum.next, "all of it:  "+dir)
		}
		err = errors.Join(err, unsaved)
	}
	var again, enter string
	switch {
	case s.pool.pkg != "":
		again = repeat(s.pool.pkg, godog.T(ctx).Name(), s.flags(sc), settings(s.pool.settings.Repeat))
		enter = environment.Keep + "=1 " + again
	case s.pool.program != "":
		again = repeatByName(s.pool.program, scenarioName(sc), s.tags(sc))
		enter = again + " --keep"
	}
	if again != "" {
		sum.next = append(sum.next, "run again:  "+again)
	}
	sum.next = append(sum.next, kept...)
	if again != "" && kept == nil && s.host != nil && s.pool.settings.Guest == "" { // virtual machines are not kept
		sum.next = append(sum.next, "to enter:   "+enter)
	}
	s.summary = sum.lines()
	if !s.pool.watched { // otherwise the Watcher gets it
		godog.Logf(ctx, "%s", strings.Join(s.summary, "\n"))
	}
	return godog.Attach(ctx, godog.Attachment{
		Body: []byte(printable.Text(sum.diagnosis.String())), FileName: "diagnosis.txt", MediaType: "text/plain",
	}), err
}

// addGoroutines adds the goroutines of an LXD whose operation did not finish. It ends that LXD, so
// the chain must not be shared.
func (s *scenario) addGoroutines(ctx context.Context, d *postmortem.Diagnosis, failure error) {
	switch {
	case s.chain != nil && s.chain.Stop != nil:
		postmortem.AddGoroutines(ctx, s.chain, d, s.chain.Stop)
	case s.owned:
		postmortem.AddGoroutines(ctx, s.chain, d, failure)
	}
}

// keep keeps the scenario's host if that was requested, and returns how to enter and how to end it.
func (s *scenario) keep() ([]string, error) {
	if !s.pool.settings.Keep || s.host == nil {
		return nil, nil
	}
	if err := host.Keep(s.host); err != nil {
		return nil, err
	}
	deepest := 0
	if s.chain != nil {
		deepest = len(s.chain.Levels)
	}
	return []string{
		fmt.Sprintf("to enter:   nestbed shell --chain %s %s", s.host.Name(), s.chain.Path(deepest)),
		fmt.Sprintf("to end it:  nestbed reap %s", s.host.Name()),
	}, nil
}

// flags returns the flags of go test that are needed to select the scenario and to run it.
func (s *scenario) flags(sc *godog.Scenario) []string {
	var set []string
	for _, tag := range s.tags(sc) {
		set = append(set, "-godog.tags="+tag)
	}
	if s.pool.settings.Sudo { // the tests were built by an ordinary user
		set = append(set, "-exec 'sudo -E'")
	}
	return set
}

// tags returns the scenario's tags that a run leaves out by default.
func (s *scenario) tags(sc *godog.Scenario) []string {
	return slices.DeleteFunc([]string{Slow, Moving, KnownBug}, func(tag string) bool { return !hasTag(sc, tag) })
}

// settings returns the environment variables that affect a scenario, quoted for a shell.
func settings(again []string) []string {
	var words []string
	for _, variable := range again {
		name, value, _ := strings.Cut(variable, "=")
		words = append(words, name+"="+commands.Quote(value))
	}
	return words
}
