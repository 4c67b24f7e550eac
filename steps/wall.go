package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/act/wall"
	"nestbed/harness/attempt"
)

var wallSteps = []step{
	{
		When, `^root of (the host|level \d+) tries to (.+)$`,
		"It does so at home, with its own rights. What it can try is listed in harness/act/wall/deed.go.",
		func(s *scenario) any {
			return func(ctx context.Context, who, deed string) error { return s.try(ctx, who, who, deed) }
		}, shares,
	},
	{
		When, `^root of (level \d+), put among the processes and files of (the host|level \d+), tries to (.+)$`,
		"All it has of its own there is its user namespace; what it can see is what that place sees.",
		func(s *scenario) any { return s.try }, shares,
	},
	{
		Then, `^the kernel refuses it with "([^"]*)"$`,
		"The error that the one who tried it got, in the words of strerror(3); with \" or \" between them, any of several.",
		func(s *scenario) any { return s.refused }, shares,
	},
	{
		Then, `^it is done$`,
		"What was tried succeeded.",
		func(s *scenario) any { return s.done }, shares,
	},
	{
		Then, `^root of (the host|level \d+) is not refused the same$`,
		"It tries it at home: it is done, or fails for what is wrong with the deed, not for who does it.",
		func(s *scenario) any { return s.notRefused }, shares,
	},
	{
		Then, `^the setting "(?P<name>[^"]*)" is "([^"]*)" at (the host|level \d+)$`,
		"As it reads there.",
		func(s *scenario) any { return s.setting }, shares,
	},
}

// tried is the result of an attempt: who tried which operation, and how it ended.
type tried struct {
	deed    wall.Deed
	who     string
	attempt attempt.Attempt
	// kills and held are the kernel's counters of each level before an attempt to exceed a limit.
	kills, held []int64
}

func (s *scenario) attempt(ctx context.Context, who, where, name string) (tried, error) {
	d, err := wall.ParseDeed(name)
	if err != nil {
		return tried{}, err
	}
	root, err := place(who)
	if err != nil {
		return tried{}, err
	}
	at, err := place(where)
	if err != nil {
		return tried{}, err
	}
	chain, err := s.look(ctx)
	if err != nil {
		return tried{}, err
	}
	a, err := wall.Try(ctx, chain, root, at, d)
	return tried{deed: d, who: who, attempt: a}, err
}

func (s *scenario) try(ctx context.Context, who, where, name string) (err error) {
	s.did, err = s.attempt(ctx, who, where, name)
	return err
}

func (s *scenario) tried() (tried, error) { return deed[tried](s, "tried anything") }

func (s *scenario) refused(errno string) error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	if got := did.attempt; !got.Refused() || !slices.Contains(strings.Split(errno, " or "), got.Errno) {
		return unlike("root of %s: %s: wanted refused with %q, got %s", did.who, did.deed.Name, errno, got)
	}
	return nil
}

func (s *scenario) done() error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("root of %s: %s", did.who, did.deed.Name), attempt.Attempt{}.String(), did.attempt.String())
}

func (s *scenario) notRefused(ctx context.Context, who string) error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	control, err := s.attempt(ctx, who, who, did.deed.Name)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("root of %s: %s: %s: refused", who, control.deed.Name, control.attempt), false, control.attempt.Refused())
}

func (s *scenario) setting(ctx context.Context, name, wanted, where string) error {
	at, err := place(where)
	if err != nil {
		return err
	}
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	got, err := wall.Setting(ctx, chain, at, name)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("%s: setting %s", where, name), wanted, got)
}
