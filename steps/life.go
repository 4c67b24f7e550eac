package steps

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"nestbed/harness"
	"nestbed/harness/act/life"
)

// asked is LXD's answer to a request; refusal is nil if LXD did it.
type asked struct{ refusal error }

// verbs are the operations of the LXD above on a level.
var verbs = map[string]func(context.Context, *harness.Level) error{
	"stopped":            func(ctx context.Context, l *harness.Level) error { return life.Stop(ctx, l, life.StopBudget) },
	"killed":             life.Kill,
	"started again":      life.Start,
	"restarted":          func(ctx context.Context, l *harness.Level) error { return life.Restart(ctx, l, false) },
	"restarted by force": func(ctx context.Context, l *harness.Level) error { return life.Restart(ctx, l, true) },
	"frozen":             life.Freeze,
	"thawed":             life.Thaw,
	"snapshotted":        life.Snapshot,
	"restored":           life.Restore,
	"renamed":            life.Rename,
	"deleted":            life.Delete,
}

const (
	// If one verb is a prefix of another, verb has the longer one first.
	verb     = `(?:stopped|killed|started again|restarted by force|restarted|frozen|thawed|snapshotted|restored|renamed|deleted)`
	verbList = `(` + verb + `(?:, ` + verb + `)*(?: and ` + verb + `)?)$`
)

var endSteps = []step{
	{
		Given, `^level (\d+) has been ` + verbList,
		"The LXD above has run these operations in order. Killed and by force mean without asking the level's init; restored means from its snapshot.",
		func(s *scenario) any { return s.haveDone }, changes,
	},
	{
		When, `^level (\d+) is ` + verbList,
		"The LXD above runs these operations in order. Killed and by force mean without asking the level's init; restored means from its snapshot.",
		func(s *scenario) any { return s.do }, changes,
	},
	{
		When, `^the LXD of (the host|level \d+) is asked to (stop|restart|rename|delete) level (\d+)$`,
		"Stop asks the level's init to shut down and waits one second.",
		func(s *scenario) any { return s.ask }, changes,
	},
	{
		When, `^the LXD of level (\d+) is shut down$`,
		"As when a machine shuts down: LXD stops its containers and exits. The level's init starts it again.",
		func(s *scenario) any { return s.shutDownLXD }, changes,
	},
	{
		Then, `^LXD reports the error "([^"]*)"$`,
		"The error of the LXD that was asked matches the regular expression.",
		func(s *scenario) any { return s.refuses }, shares,
	},
}

// prepared returns the scenario's own chain for a When step, and records its init processes.
func (s *scenario) prepared(ctx context.Context) (*harness.Chain, error) {
	chain, err := s.own(ctx)
	if err == nil {
		s.inits, err = s.initsNow(ctx)
	}
	return chain, err
}

// preparedLevel returns a level of the prepared chain.
func (s *scenario) preparedLevel(ctx context.Context, level int) (*harness.Level, error) {
	chain, err := s.prepared(ctx)
	if err != nil {
		return nil, err
	}
	return chain.Level(level)
}

// runVerbs runs the operations of a list such as "killed and started again" on a level, in order.
func runVerbs(ctx context.Context, l *harness.Level, verbList string) error {
	for done := range strings.SplitSeq(strings.ReplaceAll(verbList, " and ", ", "), ", ") {
		if err := verbs[done](ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// haveDone runs the operations. If the level is stopped afterwards, it shortens the chain to the
// levels above.
func (s *scenario) haveDone(ctx context.Context, level int, verbList string) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	if err := runVerbs(ctx, l, verbList); err != nil {
		return err
	}
	if status, err := life.Status(ctx, chain, level); err != nil || status != "Stopped" {
		return err
	}
	return chain.Reattach(ctx, level-1)
}

func (s *scenario) do(ctx context.Context, level int, verbList string) error {
	l, err := s.tracedLevel(ctx, level)
	if err != nil {
		return err
	}
	return runVerbs(ctx, l, verbList)
}

// tracedLevel returns a level of the prepared chain. It checks that the level has processes and
// cgroups on the host, because a Then step may check that they are gone. It skips the check if the
// host is reached through LXD exec: no such step runs there.
func (s *scenario) tracedLevel(ctx context.Context, level int) (*harness.Level, error) {
	chain, err := s.prepared(ctx)
	if err != nil {
		return nil, err
	}
	for i := level; i <= len(chain.Levels) && !chain.Host.Root().Tunnels(); i++ {
		t, err := life.TracesOf(ctx, chain, i)
		if err != nil {
			return nil, err
		}
		if len(t.Processes) == 0 || len(t.Cgroups) == 0 {
			return nil, fmt.Errorf("level %d: expected processes and cgroups on the host before the When step, got %v", i, t)
		}
	}
	return chain.Level(level)
}

func (s *scenario) ask(ctx context.Context, where, what string, level int) error {
	above, err := place(where)
	if err != nil {
		return err
	}
	if above != level-1 {
		return fmt.Errorf("the LXD of level %d has no level %d", above, level)
	}
	l, err := s.tracedLevel(ctx, level)
	if err != nil {
		return err
	}
	s.did = asked{map[string]func(context.Context, *harness.Level) error{
		"stop":    func(ctx context.Context, l *harness.Level) error { return life.Stop(ctx, l, time.Second) },
		"restart": verbs["restarted"],
		"rename":  verbs["renamed"],
		"delete":  verbs["deleted"],
	}[what](ctx, l)}
	return nil
}

func (s *scenario) refuses(words string) error {
	did, err := resultOf[asked](s, "asked an LXD for anything")
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(words)
	switch {
	case err != nil:
		return err
	case did.refusal == nil:
		return mismatchf("wanted the error %q from LXD, but it did what it was asked for", words)
	case !pattern.MatchString(did.refusal.Error()):
		return mismatchf("wanted the error %q from LXD, got: %w", words, did.refusal)
	}
	return nil
}

func (s *scenario) shutDownLXD(ctx context.Context, level int) error {
	l, err := s.preparedLevel(ctx, level)
	if err != nil {
		return err
	}
	return life.ShutDownLXD(ctx, l)
}
