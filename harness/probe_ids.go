package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// probeIDMaps compares both maps with the plan, as seen inside and as seen on the host.
func probeIDMaps(ctx context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error) {
	inside, err := l.Map(ctx)
	if err != nil {
		return nil, err
	}
	host, err := l.HostMap()
	if err != nil {
		return nil, err
	}
	return []Check{
		{What: "uid map inside", Wanted: Lines(planned.Map.UID), Got: Lines(inside.UID)},
		{What: "gid map inside", Wanted: Lines(planned.Map.GID), Got: Lines(inside.GID)},
		{What: "uid map on the host", Wanted: Lines(planned.Host.UID), Got: Lines(host.UID)},
		{What: "gid map on the host", Wanted: Lines(planned.Host.GID), Got: Lines(host.GID)},
	}, nil
}

// ids are a uid and a gid, as text: "500000:500000".
func ids(uid, gid any) string { return fmt.Sprint(uid, ":", gid) }

// onHost is what an inside id, of user and group alike, must be on the host.
func onHost(planned idmap.PlannedLevel, id uint32) string {
	uid, uidExists := idmap.Up(planned.Host.UID, id)
	gid, gidExists := idmap.Up(planned.Host.GID, id)
	if !uidExists || !gidExists {
		return fmt.Sprintf("id %d, which does not exist there", id)
	}
	return ids(uid, gid)
}

// probeProcesses looks under which host ids the level's init and a process started in it run.
func probeProcesses(ctx context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error) {
	initIDs, err := l.processIDs("1")
	if err != nil {
		return nil, err
	}
	checks := []Check{{What: "host ids of init", Wanted: onHost(planned, 0), Got: initIDs}}
	err = l.whileRunning(ctx, 1000, func(pid string) error {
		got, err := l.processIDs(pid)
		checks = append(checks, Check{What: "host ids of a process of user 1000", Wanted: onHost(planned, 1000), Got: got})
		return err
	})
	return checks, err
}

// whileRunning calls look with the inside pid of a process of the given user that runs for as long.
func (l *Level) whileRunning(ctx context.Context, id uint32, look func(pid string) error) error {
	stdin, release := io.Pipe()
	pids, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		var stderr buffer
		err := l.run(ctx, id, []string{"sh", "-c", "echo $$; read line"},
			&lxd.InstanceExecArgs{Stdin: stdin, Stdout: stdout, Stderr: &stderr})
		// Both end what would wait below for a process that never spoke or is gone.
		_ = stdout.CloseWithError(err)
		_ = stdin.CloseWithError(err)
		ended <- err
	}()
	pid, err := bufio.NewReader(pids).ReadString('\n')
	if err == nil {
		err = look(strings.TrimSpace(pid))
	}
	_, werr := io.WriteString(release, "\n")
	return errors.Join(err, werr, release.Close(), <-ended)
}

// processIDs are the ids, on the host, of a process known by its pid inside: /proc/PID/status is written in ids of who reads it.
func (l *Level) processIDs(pid string) (string, error) {
	status, err := l.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return "", err
	}
	p := parseStatus(pid, string(status))
	uid, gid, err := l.root.OnHost(p.uid, p.gid)
	if err != nil {
		return "", fmt.Errorf("level %d: %w", l.Index, err)
	}
	return ids(uid, gid), nil
}

// probeFiles has users of the level make files, and looks who owns them on the host.
func probeFiles(ctx context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error) {
	var checks []Check
	for _, id := range []uint32{0, 1000, idmap.Block - 1} {
		path := fmt.Sprintf("/var/tmp/nestbed-made-by-%d", id)
		if _, err := l.ExecAs(ctx, id, nil, "touch", path); err != nil {
			return checks, err
		}
		got, err := l.owner(path)
		if err != nil {
			return checks, err
		}
		checks = append(checks, Check{What: fmt.Sprintf("host owner of a file made by user %d", id), Wanted: onHost(planned, id), Got: got})
	}
	return checks, nil
}

func (l *Level) owner(path string) (string, error) { return ownerIn(l.root, path) }

// ownerIn are the host ids of the owner and the group of a file in a root.
func ownerIn(root *reach.Root, path string) (string, error) {
	info, err := root.Look(path)
	if err != nil {
		return "", fmt.Errorf("owner of %s: %w", path, err)
	}
	return ids(info.UID, info.GID), nil
}

// probeEdges tries the last id that the level has, and the first that it has not.
func probeEdges(ctx context.Context, l *Level, planned idmap.PlannedLevel) ([]Check, error) {
	const path, accepted = "/var/tmp/nestbed-edge", "accepted"
	var checks []Check
	for _, kind := range []struct {
		command, what string
		mappings      []idmap.Mapping
	}{{"chown", "user", planned.Map.UID}, {"chgrp", "group", planned.Map.GID}} {
		last := kind.mappings[len(kind.mappings)-1]
		beyond := uint64(last.Inside) + uint64(last.Count)
		for _, try := range []struct {
			id     uint64
			wanted string
		}{{beyond - 1, accepted}, {beyond, "Invalid argument"}} {
			out, err := l.Exec(ctx, "sh", "-c", `touch "$0" && if said=$("$1" "$2" "$0" 2>&1); then echo accepted; else echo "${said##*: }"; fi`,
				path, kind.command, fmt.Sprint(try.id))
			if err != nil {
				return checks, err
			}
			checks = append(checks, Check{
				What: fmt.Sprintf("%s to %s %d", kind.command, kind.what, try.id), Wanted: try.wanted, Got: strings.TrimSpace(out),
			})
		}
	}
	return checks, nil
}
