// Package systemd asks the systemd of a level about its units.
package systemd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// State is the state of the level's systemd when it has started what it starts, "running" if all of that runs, and the
// units that do not (man 1 systemctl, is-system-running).
func State(ctx context.Context, l *harness.Level) (state string, failed []string, err error) {
	// Any other state than running is an exit status, too.
	out, err := l.Exec(ctx, "sh", "-c", "systemctl is-system-running --wait || true; systemctl list-units --failed --plain --no-legend --no-pager")
	if err != nil {
		return "", nil, err
	}
	state, units, _ := strings.Cut(out, "\n")
	for line := range strings.Lines(units) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		failed = append(failed, name)
	}
	return state, failed, nil
}

// Unit are properties of a unit of the level's systemd, as name=value (man 1 systemctl, show; man 5 org.freedesktop.systemd1).
// The order is systemd's.
func Unit(ctx context.Context, l *harness.Level, name string, properties ...string) ([]string, error) {
	out, err := l.Exec(ctx, "systemctl", "show", "--property="+strings.Join(properties, ","), name)
	return strings.Split(strings.TrimSpace(out), "\n"), err
}

// LXDPid is the pid of the LXD inside, by what that says itself, in the level.
func LXDPid(ctx context.Context, l *harness.Level) (int, error) {
	server, _, err := lxdop.With(ctx, l.LXD()).GetServer()
	if err != nil {
		return 0, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return server.Environment.ServerPid, nil
}

// MainPid is the pid of a service's main process.
func MainPid(ctx context.Context, l *harness.Level, service string) (int, error) {
	got, err := Unit(ctx, l, service, "MainPID")
	if err != nil {
		return 0, err
	}
	text, _ := strings.CutPrefix(strings.Join(got, " "), "MainPID=")
	pid, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("level %d: main process of %s: read %q, expected a pid", l.Index, service, text)
	}
	return pid, nil
}
