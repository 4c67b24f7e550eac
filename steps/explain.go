package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"

	"nestbed/harness/artifact"
	"nestbed/harness/postmortem"
	"nestbed/harness/printable"
	"nestbed/harness/vm"
)

// Slow is the tag of scenarios that take more than 20 seconds.
const Slow = "@slow"

// Versions is the tag of scenarios about the old version and the new one.
const Versions = "@versions"

// Moving is the tag of scenarios about what is not the same from one day to the next: a bundle of Debian's sid.
const Moving = "@moving"

// KnownBug is the tag of scenarios that some versions of LXD or Incus fail, by a bug of theirs that another scenario pins: they are
// for the comparison of versions.
const KnownBug = "@known-bug"

// Core is the tag of the few scenarios that a slow machine, or a first look, is enough for.
const Core = "@core"

// explain tells why a scenario failed to somebody who was not there: a summary on the terminal, the whole as files and in
// the report. late is what time is left for it.
func (s *scenario) explain(ctx, late context.Context, sc *godog.Scenario, failure error) (context.Context, error) {
	told := summary{name: sc.Name, failure: failure, contradiction: s.contradiction, diagnosis: postmortem.Diagnose(late, s.chain)}
	kept, err := s.keep()
	if kept == nil {
		s.addGoroutines(late, told.diagnosis, failure)
	}
	if s.chain != nil {
		dir, unsaved := artifact.Save(sc.Name, told.diagnosis.Files())
		if unsaved == nil {
			told.next = append(told.next, "all of it:  "+dir)
		}
		err = errors.Join(err, unsaved)
	}
	again := repeat(godog.T(ctx).Name(), flags(sc), settings())
	told.next = append(told.next, "run again:  "+again)
	told.next = append(told.next, kept...)
	if kept == nil && s.host != nil && os.Getenv(vm.GuestEnv) == "" { // of a machine nothing is kept
		told.next = append(told.next, "to enter:   "+keepEnv+"=1 "+again)
	}
	s.told = told.lines()
	godog.Logf(ctx, "%s", strings.Join(s.told, "\n"))
	return godog.Attach(ctx, godog.Attachment{
		Body: []byte(printable.Text(told.diagnosis.String())), FileName: "diagnosis.txt", MediaType: "text/plain",
	}), err
}

// addGoroutines adds those of an LXD whose operation has not ended, and ends it: the chain must be of no use to others.
func (s *scenario) addGoroutines(ctx context.Context, d *postmortem.Diagnosis, failure error) {
	switch {
	case s.chain != nil && s.chain.Stop != nil:
		postmortem.AddGoroutines(ctx, s.chain, d, s.chain.Stop)
	case s.mine:
		postmortem.AddGoroutines(ctx, s.chain, d, failure)
	}
}

// keepEnv is the variable that, set to 1, keeps the host of a scenario that fails.
const keepEnv = "NESTBED_KEEP"

// keep lets the scenario's host live where that is wanted, and says how to enter it and how to end it.
func (s *scenario) keep() ([]string, error) {
	text := os.Getenv(keepEnv)
	if text == "" || s.host == nil {
		return nil, nil
	}
	wanted, err := strconv.ParseBool(text)
	if err != nil {
		return nil, fmt.Errorf("%s: read %q, expected 1 or 0", keepEnv, text)
	}
	if !wanted {
		return nil, nil
	}
	if err := s.host.Keep(); err != nil {
		return nil, err
	}
	deepest := 0
	if s.chain != nil {
		deepest = len(s.chain.Levels)
	}
	return []string{
		fmt.Sprintf("to enter:   nestbed shell --chain %s %s", s.host.Name, s.chain.Path(deepest)),
		fmt.Sprintf("to end it:  nestbed reap %s", s.host.Name),
	}, nil
}

func hasTag(sc *godog.Scenario, name string) bool {
	return slices.ContainsFunc(sc.Tags, func(t *messages.PickleTag) bool { return t.Name == name })
}

// flags are those of go test without which it would leave the scenario out, or could not run it.
func flags(sc *godog.Scenario) []string {
	var set []string
	for _, tag := range []string{Slow, Moving, KnownBug} {
		if hasTag(sc, tag) {
			set = append(set, "-godog.tags="+tag)
		}
	}
	if os.Getenv("SUDO_USER") != "" { // who built the tests is an ordinary user
		set = append(set, "-exec 'sudo -E'")
	}
	return set
}

// settings are those of the environment that decide what a scenario is run with.
func settings() []string {
	var set []string
	names := []string{"NESTBED_BUNDLE"}
	if host := os.Getenv(vm.GuestEnv); host != "" {
		set = append(set, vm.HostEnv+"="+quote(host)) // which gives the patience
	} else {
		names = append(names, "NESTBED_PATIENCE")
	}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+quote(value))
		}
	}
	return set
}
