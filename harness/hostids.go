package harness

import (
	"fmt"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

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

// ProcessIDs are the ids, on the host, of a process known by its pid inside: /proc/PID/status is written in ids of who reads it.
func ProcessIDs(l *Level, pid string) (string, error) {
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

// OwnerOf is that of a file of the level.
func OwnerOf(l *Level, path string) (string, error) { return ownerIn(l.root, path) }

// ownerIn are the host ids of the owner and the group of a file in a root.
func ownerIn(root *host.Root, path string) (string, error) {
	info, err := root.Look(path)
	if err != nil {
		return "", fmt.Errorf("owner of %s: %w", path, err)
	}
	return ids(info.UID, info.GID), nil
}
