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

// State waits until the level's systemd has started its units. It returns systemd's state, which
// is "running" if no unit has failed, and the failed units (man 1 systemctl, is-system-running).
func State(ctx context.Context, l *harness.Level) (state string, failed []string, err error) {
	// is-system-running exits with an error in every other state.
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

// Unit returns properties of a unit of the level's systemd as name=value, in systemd's order (man
// 1 systemctl, show; man 5 org.freedesktop.systemd1).
func Unit(ctx context.Context, l *harness.Level, name string, properties ...string) ([]string, error) {
	out, err := l.Exec(ctx, "systemctl", "show", "--property="+strings.Join(properties, ","), name)
	return strings.Split(strings.TrimSpace(out), "\n"), err
}

// LXDPid returns the pid that the LXD inside reports for itself, as the level numbers it.
func LXDPid(ctx context.Context, l *harness.Level) (int, error) {
	server, _, err := lxdop.With(ctx, l.LXD()).GetServer()
	if err != nil {
		return 0, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return server.Environment.ServerPid, nil
}

// MainPid returns the pid of a service's main process.
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
