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
		"Root tries the operation in its own level or host. The operations are listed in harness/act/wall/operation.go.",
		func(s *scenario) any {
			return func(ctx context.Context, who, operation string) error { return s.try(ctx, who, who, operation) }
		}, shares,
	},
	{
		When, `^root of (level \d+), put among the processes and files of (the host|level \d+), tries to (.+)$`,
		"Root tries the operation in all namespaces of that place, except that it keeps its own user namespace.",
		func(s *scenario) any { return s.try }, shares,
	},
	{
		Then, `^the kernel refuses it with "([^"]*)"$`,
		"The operation failed with this text of strerror(3). \" or \" separates alternatives.",
		func(s *scenario) any { return s.refused }, shares,
	},
	{
		Then, `^it succeeds$`,
		"The operation of the When step succeeded.",
		func(s *scenario) any { return s.done }, shares,
	},
	{
		Then, `^root of (the host|level \d+) is not refused the same operation$`,
		"Root tries the operation in its own level or host. It succeeds, or fails for a reason other than missing permission.",
		func(s *scenario) any { return s.notRefused }, shares,
	},
	{
		Then, `^the setting "(?P<name>[^"]*)" is "([^"]*)" at (the host|level \d+)$`,
		"Reads the kernel setting there, by its sysctl name.",
		func(s *scenario) any { return s.setting }, shares,
	},
}

// tried is the result of an attempt: who tried which operation, and how it ended.
type tried struct {
	operation wall.Operation
	who       string
	attempt   attempt.Attempt
	// kills and held are the kernel's counters of each level before an attempt to exceed a limit.
	kills, held []int64
}

func (s *scenario) attempt(ctx context.Context, who, where, name string) (tried, error) {
	d, err := wall.ParseOperation(name)
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
	return tried{operation: d, who: who, attempt: a}, err
}

func (s *scenario) try(ctx context.Context, who, where, name string) (err error) {
	s.did, err = s.attempt(ctx, who, where, name)
	return err
}

func (s *scenario) tried() (tried, error) { return resultOf[tried](s, "tried anything") }

func (s *scenario) refused(errno string) error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	if got := did.attempt; !got.Refused() || !slices.Contains(strings.Split(errno, " or "), got.Errno) {
		return mismatchf("root of %s: %s: wanted refused with %q, got %s", did.who, did.operation.Name, errno, got)
	}
	return nil
}

func (s *scenario) done() error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("root of %s: %s", did.who, did.operation.Name), attempt.Attempt{}.String(), did.attempt.String())
}

func (s *scenario) notRefused(ctx context.Context, who string) error {
	did, err := s.tried()
	if err != nil {
		return err
	}
	control, err := s.attempt(ctx, who, who, did.operation.Name)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("root of %s: %s: %s: refused", who, control.operation.Name, control.attempt), false, control.attempt.Refused())
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
