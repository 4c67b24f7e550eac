package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/canonical/lxd/shared/api"
)

// RestartEnv names the command that starts a LXD that runs by itself anew, where no systemd does: see Config.RestartLXD.
const RestartEnv = "NESTBED_RESTART_LXD"

// restarter is the program, with its arguments, that starts a LXD anew.
type restarter []string

// restarterOf is the given command or, without one, systemd's for the unit that a process is of.
func restarterOf(command string, lxd int) (restarter, error) {
	if command != "" {
		return restarter{"sh", "-c", command}, nil
	}
	_, err := os.Stat("/run/systemd/system") // man 3 sd_booted
	if err == nil {
		var groups []byte
		if groups, err = os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", lxd)); err != nil {
			return nil, err
		}
		if unit := unitIn(string(groups)); unit != "" && isMainOf(unit, lxd) {
			return restarter{"systemctl", "restart", unit}, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, fmt.Errorf("its process %d is not that of a service of systemd's; say how it is started anew without ending its containers: --restart-lxd COMMAND, or %s", lxd, RestartEnv)
}

// unitIn is the unit of the system's that a process is of, by its /proc/PID/cgroup, "" where it is of none: all of them are
// below system.slice (man 5 systemd.slice), and what the unit makes of cgroups is below its own.
func unitIn(groups string) string {
	for line := range strings.Lines(groups) {
		_, path, found := strings.Cut(strings.TrimSpace(line), ":/system.slice/")
		if !found {
			continue
		}
		for part := range strings.SplitSeq(path, "/") {
			if strings.HasSuffix(part, ".service") {
				return part
			}
		}
	}
	return ""
}

// isMainOf tells whether a process, or its parent, is the one by which systemd knows a unit: a LXD that something else in a unit has started is not
// started anew with that.
func isMainOf(unit string, lxd int) bool {
	out, err := exec.Command("systemctl", "show", "--property=MainPID", "--value", unit).Output()
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", lxd))
	main := strings.TrimSpace(string(out))
	return err == nil && main != "0" && (main == fmt.Sprint(lxd) || main == parentIn(string(status)))
}

func (r restarter) String() string { return strings.Join(r, " ") }

// run has the LXD started anew. The environment is the same whoever does that, nestbed or its guard.
func (r restarter) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, r[0], r[1:]...)
	cmd.Env, cmd.Dir = cleanEnv, "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("restart LXD: %s: %w: %s", r, err, bytes.TrimSpace(out))
	}
	return nil
}

// restart starts the LXD anew, and connects to the one that comes up.
func (s *system) restart(ctx context.Context, by restarter) (*api.Server, error) {
	next, err := (&Root{dialer: s.dial}).Succeed(ctx, s.all, nil, func(old int) (int, error) { return old, by.run(ctx) })
	if err != nil {
		return nil, err
	}
	s.all = next
	if s.project != nil {
		s.project.all = next
	}
	info, _, err := next.GetServer()
	return info, err
}
