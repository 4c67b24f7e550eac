package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

func (s *scenario) registerThens(sc *godog.ScenarioContext) {
	sc.Then(`^all (\d+) levels are up$`, s.allUp)
	sc.Then(`^the build stops at level (\d+) in operation "([^"]*)" for the reason "([^"]*)"$`, s.stops)
	sc.Then(`^the levels above it are still up$`, s.levelsAboveAreUp)

	sc.Then(`^the uid and gid maps are$`, s.bothMaps)
	sc.Then(`^the uid maps are$`, s.uidMaps)
	sc.Then(`^the gid maps are$`, s.gidMaps)
	sc.Then(`^root at level (\d+) is id (\d+) on the host$`, s.rootOnHost)

	for wording, subject := range map[string]harness.Subject{
		"every level has the ids that were planned":                               harness.IDMaps,
		"every level is unprivileged":                                             harness.Privilege,
		"the LXD inside every level answers":                                      harness.Daemons,
		"processes at every level run under the host ids of that level":           harness.Processes,
		"files made at every level belong to the host ids of that level":          harness.Files,
		"at every level the last id can own a file and the next one cannot":       harness.Edges,
		"the sentinel of the image arrives at every level with its owner and ACL": harness.Sentinels,
	} {
		sc.Then("^"+wording+"$", func(ctx context.Context) error { return s.verify(ctx, subject) })
	}
	sc.Then(`^the file capability of the image (arrives|is lost) at level (\d+)$`, s.fileCapability)
}

func (s *scenario) allUp(ctx context.Context, depth int) error {
	if s.chain.Stop != nil {
		return fmt.Errorf("wanted %d levels up, got %d: %w", depth, len(s.chain.Levels), s.chain.Stop)
	}
	require.Len(godog.T(ctx), s.chain.Levels, depth, "levels that are up")
	return s.verify(ctx, harness.Daemons)
}

func (s *scenario) stops(level int, operation, reason string) error {
	op, err := idmap.ParseOp(operation)
	if err != nil {
		return err
	}
	why, err := idmap.ParseReason(reason)
	if err != nil {
		return err
	}
	wanted := idmap.Stop{Level: level, Op: op, Reason: why}
	if s.chain.Stop == nil {
		return fmt.Errorf("wanted a stop at %s, but all %d levels are up", &wanted, len(s.chain.Levels))
	}
	if got := s.chain.Stop.Stop; got != wanted {
		return fmt.Errorf("wanted a stop at %s, got %w", &wanted, s.chain.Stop)
	}
	return nil
}

// levelsAboveAreUp asks every LXD above the stop, which must be as many as there are levels.
func (s *scenario) levelsAboveAreUp(ctx context.Context) error {
	if s.chain.Stop == nil {
		return errors.New("the build did not stop")
	}
	require.Len(godog.T(ctx), s.chain.Levels, s.chain.Stop.Level-1, "levels that are up")
	return s.verify(ctx, harness.Daemons)
}

func (s *scenario) rootOnHost(level int, id uint32) error {
	l, err := s.level(level)
	if err != nil {
		return err
	}
	m, err := l.HostMap()
	if err != nil {
		return err
	}
	for kind, mappings := range map[string][]idmap.Mapping{"user": m.UID, "group": m.GID} {
		if got, _ := idmap.Up(mappings, 0); got != id {
			return fmt.Errorf("level %d: host id of the %s root: wanted %d, got %d", level, kind, id, got)
		}
	}
	return nil
}

func (s *scenario) level(index int) (*harness.Level, error) {
	if index < 1 || index > len(s.chain.Levels) {
		return nil, fmt.Errorf("level %d: wanted up, got %d levels that are", index, len(s.chain.Levels))
	}
	return s.chain.Levels[index-1], nil
}

// verify fails with every check of the subject that does not hold.
func (s *scenario) verify(ctx context.Context, subject harness.Subject) error {
	checks, err := harness.Verify(ctx, s.chain, subject)
	if err != nil {
		return err
	}
	var lines []string
	for _, c := range harness.Failed(checks) {
		lines = append(lines, c.String())
	}
	if lines != nil {
		return errors.New(strings.Join(lines, "\n"))
	}
	return nil
}

// fileCapability looks at the file itself, whatever the plan says.
func (s *scenario) fileCapability(what string, level int) error {
	l, err := s.level(level)
	if err != nil {
		return err
	}
	sentinel, err := l.Sentinel()
	if err != nil {
		return err
	}
	if wanted := what == "arrives"; sentinel.HasCaps != wanted {
		return fmt.Errorf("level %d: file capability of the sentinel: wanted %t, got %t", level, wanted, sentinel.HasCaps)
	}
	return nil
}
