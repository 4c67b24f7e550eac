package probe

import (
	"context"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/excerpt"
)

// probeIDMaps compares both maps with the plan, as seen inside and on the host.
func probeIDMaps(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error) {
	inside, err := l.Map(ctx)
	if err != nil {
		return nil, err
	}
	host, err := l.HostMap(ctx)
	if err != nil {
		return nil, err
	}
	return []harness.Check{
		{What: "uid map inside", Wanted: harness.Lines(planned.Map.UID), Got: harness.Lines(inside.UID)},
		{What: "gid map inside", Wanted: harness.Lines(planned.Map.GID), Got: harness.Lines(inside.GID)},
		{What: "uid map on the host", Wanted: harness.Lines(planned.Host.UID), Got: harness.Lines(host.UID)},
		{What: "gid map on the host", Wanted: harness.Lines(planned.Host.GID), Got: harness.Lines(host.GID)},
	}, nil
}

// probeProcesses checks the host ids of the level's init and of a process that is started in it.
func probeProcesses(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error) {
	initIDs, err := harness.ProcessIDs(ctx, l, "1")
	if err != nil {
		return nil, err
	}
	checks := []harness.Check{{What: "host ids of init", Wanted: harness.OnHost(planned, 0), Got: initIDs}}
	err = harness.WhileRunning(ctx, l, 1000, func(pid string) error {
		got, err := harness.ProcessIDs(ctx, l, pid)
		checks = append(checks, harness.Check{What: "host ids of a process of user 1000", Wanted: harness.OnHost(planned, 1000), Got: got})
		return err
	})
	return checks, err
}

// probeFiles makes files as users of the level, and checks who owns them on the host.
func probeFiles(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error) {
	var checks []harness.Check
	for _, id := range []uint32{0, 1000, idmap.Block - 1} {
		path := fmt.Sprintf("/var/tmp/nestbed-made-by-%d", id)
		if _, err := l.ExecAs(ctx, id, nil, "touch", path); err != nil {
			return checks, err
		}
		got, err := harness.OwnerOf(ctx, l, path)
		if err != nil {
			return checks, err
		}
		checks = append(checks, harness.Check{What: fmt.Sprintf("host owner of a file made by user %d", id), Wanted: harness.OnHost(planned, id), Got: got})
	}
	return checks, nil
}

// probeEdges checks that the last id of the level can own a file, and that the next one cannot.
func probeEdges(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel) ([]harness.Check, error) {
	// One program for all, because it takes LXD longer to start one than the program runs.
	const try = `touch "$0" || exit
while [ $# -gt 0 ]; do
	if said=$("$1" "$2" "$0" 2>&1); then echo accepted; else echo "${said##*: }"; fi
	shift 2
done`
	command := []string{"sh", "-c", try, "/var/tmp/nestbed-edge"}
	var checks []harness.Check
	for _, kind := range []struct {
		command, what string
		mappings      []idmap.Mapping
	}{{"chown", "user", planned.Map.UID}, {"chgrp", "group", planned.Map.GID}} {
		last := kind.mappings[len(kind.mappings)-1]
		beyond := uint64(last.Inside) + uint64(last.Count)
		for _, edge := range []struct {
			id     uint64
			wanted string
		}{{beyond - 1, "accepted"}, {beyond, "Invalid argument"}} {
			command = append(command, kind.command, fmt.Sprint(edge.id))
			checks = append(checks, harness.Check{What: fmt.Sprintf("%s to %s %d", kind.command, kind.what, edge.id), Wanted: edge.wanted})
		}
	}
	out, err := l.Exec(ctx, command...)
	if err != nil {
		return nil, err
	}
	answers := strings.Split(strings.TrimSpace(out), "\n")
	for i := range checks {
		checks[i].Got = excerpt.At(answers, i)
	}
	return checks, nil
}
