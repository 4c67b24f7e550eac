package limit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// divideBudget limits the wait for LXD to redistribute the processors, which it does after it has
// answered the client.
const divideBudget = 30 * time.Second

// allowedProcessors returns the processors that a process of the level may use.
func allowedProcessors(ctx context.Context, l *harness.Level) (string, error) {
	out, err := l.Exec(ctx, "sed", "-n", `s/^Cpus_allowed_list:[ \t]*//p`, "/proc/self/status")
	return strings.TrimSpace(out), err
}

// OneProcessor checks that the cgroup has exactly one processor and that the level may use the
// same one and no other.
func OneProcessor(ctx context.Context, l *harness.Level, of harness.Cgroup) ([]harness.Check, error) {
	whole, err := of.Processors()
	if err != nil {
		return nil, err
	}
	own, err := allowedProcessors(ctx, l)
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(strings.ReplaceAll(whole, "-", ","), ",")
	return []harness.Check{
		{Level: of.Level, What: "its processors", Wanted: first, Got: whole},
		{Level: l.Index, What: "its processors", Wanted: first, Got: own},
	}, nil
}

// cpusetRefused matches the line in LXD's log. The second form is LXD's since 5.21.2 and 6.1
// (canonical/lxd commit 858858d7b1).
var cpusetRefused = regexp.MustCompile(`(?:balance: Unable to set cpuset.* name|Error setting CPU affinity for the instance.* instance)=(\S+)`)

// ProcessorsDivided waits for the effect on level of setting limits.cpu to 1 at the level limited,
// which has other levels inside. On cgroup v1 the kernel refuses to take a processor from a cgroup
// while a child cgroup uses it (man 7 cpuset, EBUSY): LXD logs that, and level keeps all
// processors. On v2 level has one processor left.
func ProcessorsDivided(ctx context.Context, c *harness.Chain, limited, level int) (checks []harness.Check, err error) {
	g, err := harness.CgroupOf(c, limited, "cpuset")
	if err != nil {
		return nil, err
	}
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	host, err := harness.CgroupOf(c, 0, "cpuset")
	if err != nil {
		return nil, err
	}
	all, err := host.Processors()
	if err != nil {
		return nil, err
	}
	if _, err := strconv.Atoi(all); err == nil {
		return nil, errors.New("this machine has only one processor: LXD cannot take one from a level")
	}
	err = wait.For(ctx, "wait for LXD to divide the processors", divideBudget, func(ctx context.Context) error {
		if g.Unified() {
			checks, err = OneProcessor(ctx, l, g)
			if failed := harness.Failed(checks); err == nil && len(failed) > 0 {
				err = errors.New(failed[0].String())
			}
			return err
		}
		above := harness.Daemon(c.Host)
		if limited > 1 {
			above = c.Levels[limited-2]
		}
		log, err := above.Root().ReadFile(ctx, "/var/log/lxd.log")
		if err != nil {
			return err
		}
		if m := cpusetRefused.FindSubmatch(log); m == nil || string(m[1]) != harness.ContainerName(limited) {
			return fmt.Errorf("level %d: LXD's log does not yet say that its processors could not be set", limited)
		}
		own, err := allowedProcessors(ctx, l)
		checks = []harness.Check{{Level: level, What: "its processors, beside those of the host", Wanted: all, Got: own}}
		return err
	})
	if errors.Is(err, wait.ErrTimeout) && len(harness.Failed(checks)) > 0 {
		err = nil // the checks report it
	}
	return checks, err
}

// cgroupRefused is the message for every kernel error when a limit is set (LXD:
// instance/drivers/driver_lxc.go, CGroupSet).
var cgroupRefused = regexp.MustCompile(`setting cgroup item for the container failed`)

// CgroupRefused reports whether err is LXD's error for a limit that the kernel refused.
func CgroupRefused(err error) bool { return err != nil && cgroupRefused.MatchString(err.Error()) }

// Configuration returns a level's configuration from the LXD above.
func Configuration(ctx context.Context, c *harness.Chain, level int) (map[string]string, error) {
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	instance, _, err := lxdop.With(ctx, l.Above().LXD()).GetInstance(l.Name)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", level, err)
	}
	return instance.Config, nil
}
