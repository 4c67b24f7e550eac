package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness/act/quota"
)

var quotaSteps = []step{
	{
		Given, `^level (\d+) allows (\d+) inotify instances$`,
		"Root of the level sets user.max_inotify_instances there. It counts in every level below as well.",
		func(s *scenario) any { return s.allowInotify }, changes,
	},
	{
		When, `^root of level (\d+) takes every (?P<thing>kernel key|inotify instance|pending signal) that it can get$`,
		"A program keeps them until the scenario ends. It must get at least one.",
		func(s *scenario) any { return s.takeAll }, changes,
	},
	{
		Then, `^root of sibling ([A-Z]) at level (\d+) (gets|does not get) (?:a|an) (?P<thing>kernel key|inotify instance|pending signal)$`,
		"A program tries to take one. Without one left, the kernel's error is that of the quota.",
		func(s *scenario) any { return s.siblingTakesOne }, shares,
	},
}

// exhausted has the kernel's errors of used up quotas, in the words of Go's syscall package.
var exhausted = map[quota.Kind]string{quota.Keys: "disk quota exceeded", quota.Inotify: "too many open files", quota.Signals: "resource temporarily unavailable"}

func (s *scenario) allowInotify(ctx context.Context, level, most int) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	_, err = l.Exec(ctx, "sh", "-c", "echo "+strconv.Itoa(most)+" >/proc/sys/user/max_inotify_instances")
	return err
}

func (s *scenario) takeAll(ctx context.Context, level int, kind string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	count, errno, err := quota.TakeAll(ctx, s.pool.settings.Store(nil), l, quota.Kind(kind))
	if err != nil {
		return err
	}
	if want := exhausted[quota.Kind(kind)]; count == 0 || errno != want {
		return fmt.Errorf("root of level %d: got %d %ss and then %q, expected at least one and then %q", level, count, kind, errno, want)
	}
	return nil
}

func (s *scenario) siblingTakesOne(ctx context.Context, name string, level int, gets, kind string) error {
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	l, err := siblings.Get(name)
	if err != nil {
		return err
	}
	errno, err := quota.TakeOne(ctx, s.pool.settings.Store(nil), l, quota.Kind(kind))
	if err != nil {
		return err
	}
	want := ""
	if strings.HasPrefix(gets, "does not") {
		want = exhausted[quota.Kind(kind)]
	}
	return s.equal(fmt.Sprintf("root of sibling %s: error for one %s", name, kind), want, errno)
}
