package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// Path is the machine's path of a file in the bundle, wherever links lead to in there.
func (b *Bundle) Path(name string) (string, error) { return securejoin.SecureJoin(b.Root(), name) }

// inside is the machine's path of a name in a root filesystem, found as by who has that as root: an absolute
// link on the way, as a distribution may have for /sbin, leads to somewhere in it and not
// to the machine's own. What has the name may be a link itself, and is not followed.
func inside(root, name string) (string, error) {
	dir, err := securejoin.SecureJoin(root, filepath.Dir(name))
	return filepath.Join(dir, filepath.Base(name)), err
}

// place is inside for something that shall be put there: it makes the directories on the way.
func place(root, name string) (string, error) {
	path, err := inside(root, name)
	if err != nil {
		return "", err
	}
	return path, makeDirs(filepath.Dir(path))
}

// directory makes a directory in a root filesystem, with all above it.
func directory(root, name string) (string, error) {
	path, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return "", err
	}
	return path, makeDirs(path)
}

// makeDirs is os.MkdirAll for directories that everybody can look into whatever the umask: levels have users.
func makeDirs(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}
