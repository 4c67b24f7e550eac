package harness

import (
	"errors"
	"io/fs"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// readSubID reads a subid file below a root.
func readSubID(root *host.Root, path string) (idmap.File, error) {
	text, err := root.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return idmap.File{Missing: true}, nil
	}
	return idmap.File{Text: string(text)}, err
}

// ReadDelegation reads the subid files below a root.
func ReadDelegation(root *host.Root) (d idmap.Delegation, err error) {
	for path, into := range map[string]*idmap.File{"/etc/subuid": &d.UID, "/etc/subgid": &d.GID} {
		if *into, err = readSubID(root, path); err != nil {
			return d, err
		}
	}
	return d, nil
}
