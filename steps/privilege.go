package steps

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

var privilegeSteps = []step{
	{
		Given, `^level (\d+) is privileged$`,
		"Sets security.privileged to true.",
		func(s *scenario) any { return s.privileged }, shares,
	},
	{
		Then, `^level (\d+) runs in the user namespace of (the host|level \d+)$`,
		"Compares the user namespaces of both init processes.",
		func(s *scenario) any { return s.sharesNamespace }, shares,
	},
	{
		Then, `^level (\d+) runs in its own user namespace$`,
		"The user namespace of the level's init differs from that of the level above.",
		func(s *scenario) any { return s.ownNamespace }, shares,
	},
	{
		Then, `^root at level (\d+) (may|may not) (?P<capability>set the clock|load kernel modules|mount filesystems) in its user namespace$`,
		"Checks the capability in the bounding set of the level's init.",
		func(s *scenario) any { return s.rootMay }, shares,
	},
}

// capabilities are the capability numbers of the operations that steps name.
var capabilities = map[string]int{
	"set the clock": unix.CAP_SYS_TIME, "load kernel modules": unix.CAP_SYS_MODULE, "mount filesystems": unix.CAP_SYS_ADMIN,
}

func (s *scenario) privileged(level string) error {
	l, err := s.describe(level)
	if err == nil {
		l.Config[idmap.KeyPrivileged] = "true"
	}
	return err
}

func (s *scenario) sharesNamespace(ctx context.Context, level int, where string) error {
	with, err := place(where)
	if err != nil {
		return err
	}
	if with >= level {
		return fmt.Errorf("level %d: %s is not above it", level, where)
	}
	// Compare every level up to with: a level in between could have its own user namespace.
	for i := level; i > with; i-- {
		if err := s.namespace(ctx, i, false); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) ownNamespace(ctx context.Context, level int) error {
	return s.namespace(ctx, level, true)
}

func (s *scenario) namespace(ctx context.Context, level int, wanted bool) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	own, err := probe.OwnUserNamespace(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: a user namespace of its own", level), wanted, own)
}

func (s *scenario) rootMay(ctx context.Context, level int, may, what string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	holds, err := probe.HasCapability(ctx, l, capabilities[what])
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: capability to %s", level, what), may == "may", holds)
}
