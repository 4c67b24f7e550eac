package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/proc"
	"nestbed/harness/reach"
)

// IDs returns a uid and a gid as text, such as 500000:500000.
func IDs(uid, gid any) string { return fmt.Sprint(uid, ":", gid) }

// OnHost returns the planned host ids of a user and a group that have the given inside id, in the
// form of IDs.
func OnHost(planned idmap.PlannedLevel, id uint32) string {
	uid, uidExists := idmap.Up(planned.Host.UID, id)
	gid, gidExists := idmap.Up(planned.Host.GID, id)
	if !uidExists || !gidExists {
		return fmt.Sprintf("none: id %d is not mapped", id)
	}
	return IDs(uid, gid)
}

// ProcessIDs returns the host ids of the process with that pid inside the level. It translates
// them, because /proc/PID/status has the ids that its reader sees.
func ProcessIDs(ctx context.Context, l *Level, pid string) (string, error) {
	status, err := l.ReadFile(ctx, "/proc/"+pid+"/status")
	if err != nil {
		return "", err
	}
	p, err := proc.ParseStatus(string(status))
	if err != nil {
		return "", fmt.Errorf("level %d: %w", l.Index, err)
	}
	uid, gid, err := l.root.OnHost(ctx, p.UID, p.GID)
	if err != nil {
		return "", fmt.Errorf("level %d: %w", l.Index, err)
	}
	return IDs(uid, gid), nil
}

// OwnerOf returns the host ids of the owner and the group of a file of the level.
func OwnerOf(ctx context.Context, l *Level, path string) (string, error) {
	return OwnerIn(ctx, l.root, path)
}

// OwnerIn returns the host ids of the owner and the group of a file in a root.
func OwnerIn(ctx context.Context, root *reach.Root, path string) (string, error) {
	info, err := root.Look(ctx, path)
	if err != nil {
		return "", fmt.Errorf("owner of %s: %w", path, err)
	}
	return IDs(info.UID, info.GID), nil
}

// readSubID reads a subid file of a root.
func readSubID(ctx context.Context, root *reach.Root, path string) (idmap.File, error) {
	text, err := root.ReadFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return idmap.File{Missing: true}, nil
	}
	return idmap.File{Text: string(text)}, err
}

// ReadDelegation reads the subid files of a root.
func ReadDelegation(ctx context.Context, root *reach.Root) (d idmap.Delegation, err error) {
	for path, into := range map[string]*idmap.File{"/etc/subuid": &d.UID, "/etc/subgid": &d.GID} {
		if *into, err = readSubID(ctx, root, path); err != nil {
			return d, err
		}
	}
	return d, nil
}
