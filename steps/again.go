package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
)

// againSteps look at what is there, and what is not, after something happened to levels.
var againSteps = []step{
	{
		Then, `^all (\d+) levels come up again$`,
		"Nobody starts any but the LXDs themselves, whose answers are waited for; then the maps must be as planned.",
		func(s *scenario) any { return s.comeUpAgain },
	},
	{
		Then, `^level (\d+) stays down$`,
		"The LXD above it has started what it starts by itself, and calls this level stopped.",
		func(s *scenario) any { return s.staysDown },
	},
	{
		Then, `^level (\d+) has run without a break$`,
		"Its init is the process that it was before the When.",
		func(s *scenario) any { return s.sameInit },
	},
	{
		Then, `^(every level|level \d+) has been started anew$`,
		"The init is another process than before the When.",
		func(s *scenario) any { return s.otherInits },
	},
	{
		Then, `^nothing of level (\d+) is left on the host$`,
		"No process under its host ids, which are also those of the levels inside it, and no cgroup of its name; before the When there were both.",
		func(s *scenario) any { return s.withoutTraces },
	},
	{
		Then, `^the LXD of (the host|level \d+) has no record and no files of level (\d+)$`,
		"Under the name that it was made with.",
		func(s *scenario) any { return s.unknown },
	},
}

func (s *scenario) comeUpAgain(ctx context.Context, depth int) error {
	if err := s.reattach(ctx, depth); err != nil {
		return err
	}
	require.Len(godog.T(ctx), s.chain.Levels, len(s.chain.Plan.Levels), "levels that are up")
	return s.verify(ctx, harness.Daemons)
}

func (s *scenario) staysDown(ctx context.Context, level int) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	if err := s.reattach(ctx, level-1); err != nil {
		return err
	}
	status, err := chain.Status(level)
	if err == nil && status != "Stopped" {
		err = fmt.Errorf("level %d: wanted Stopped, got %s", level, status)
	}
	return err
}

func (s *scenario) sameInit(ctx context.Context, level int) error {
	now, err := s.initOf(ctx, level)
	if err == nil && now != s.inits[level-1] {
		err = fmt.Errorf("level %d: its init was %s, and is now %s", level, s.inits[level-1], now)
	}
	return err
}

func (s *scenario) otherInits(ctx context.Context, which string) error {
	first, last := 1, len(s.inits)
	if which != "every level" {
		level, err := strconv.Atoi(strings.TrimPrefix(which, "level "))
		if err != nil {
			return err
		}
		first, last = level, level
	}
	for level := first; level <= last; level++ {
		now, err := s.initOf(ctx, level)
		if err == nil && now == s.inits[level-1] {
			err = fmt.Errorf("level %d: wanted an init of its own, got %s, as before", level, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// initOf names a level's init as it is now, beside the one noted.
func (s *scenario) initOf(ctx context.Context, level int) (string, error) {
	if level < 1 || level > len(s.inits) {
		return "", fmt.Errorf("level %d: no When has noted its init", level)
	}
	if err := s.reattach(ctx, level); err != nil {
		return "", err
	}
	return s.chain.Levels[level-1].Init()
}

func (s *scenario) withoutTraces(ctx context.Context, level int) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	return chain.WithoutTraces(ctx, level)
}

func (s *scenario) unknown(ctx context.Context, where string, level int) error {
	above, err := place(where)
	if err != nil {
		return err
	}
	if above != level-1 {
		return fmt.Errorf("the LXD of level %d never had level %d", above, level)
	}
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	record, files, err := chain.Known(level)
	if err == nil && (record || files) {
		err = fmt.Errorf("level %d: wanted neither a record nor files of it, got record %t, files %t", level, record, files)
	}
	return err
}
