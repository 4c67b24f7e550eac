package steps

import (
	"context"
	"strconv"
	"strings"

	"nestbed/harness"
)

var lifeSteps = []step{
	{
		When, `^the LXD of (the host|level \d+) is restarted$`,
		"Ends the LXD by SIGTERM, which leaves its containers running, and starts it again.",
		func(s *scenario) any { return s.restartLXD }, changes,
	},
	{
		Then, `^every level has kept running$`,
		"The init of every level is the same process as before the When step.",
		func(s *scenario) any { return s.sameInits }, shares,
	},
}

// place reads "the host" or "level N" as the number of a level.
func place(text string) (int, error) {
	if text == "the host" {
		return 0, nil
	}
	return strconv.Atoi(strings.TrimPrefix(text, "level "))
}

// ownAt returns the scenario's own chain and the number of a place, for a step that changes
// something there.
func (s *scenario) ownAt(ctx context.Context, where string) (*harness.Chain, int, error) {
	level, err := place(where)
	if err != nil {
		return nil, 0, err
	}
	chain, err := s.own(ctx)
	return chain, level, err
}

func (s *scenario) restartLXD(ctx context.Context, where string) error {
	chain, level, err := s.ownAt(ctx, where)
	if err != nil {
		return err
	}
	if s.inits, err = s.initsNow(ctx); err != nil {
		return err
	}
	return chain.RestartLXD(ctx, level)
}

// initsNow returns the identity of every level's init process.
func (s *scenario) initsNow(ctx context.Context) ([]string, error) {
	var inits []string
	for _, l := range s.chain.Levels {
		name, err := l.Init(ctx)
		if err != nil {
			return nil, err
		}
		inits = append(inits, name)
	}
	return inits, nil
}

func (s *scenario) sameInits(ctx context.Context) error {
	if err := s.reattach(ctx, len(s.inits)); err != nil {
		return err
	}
	return s.sameInitsNow(ctx)
}

func (s *scenario) sameInitsNow(ctx context.Context) error {
	now, err := s.initsNow(ctx)
	if err != nil {
		return err
	}
	return s.equal("the inits", s.inits, now)
}
