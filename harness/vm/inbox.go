package vm

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// inbox takes the files of results into the host's directories. A guest cannot name one outside of them.
type inbox struct{ dirs map[string]string }

func (b inbox) take(f *file) error {
	dir, ok := b.dirs[f.Result]
	if !ok || !filepath.IsLocal(f.Path) {
		return fmt.Errorf("the guest sends %q of %q, which is no result of its job", f.Path, f.Result)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	// Whole or not at all, for whoever reads it meanwhile.
	out, err := renameio.NewPendingFile(f.Path, renameio.WithRoot(root), renameio.WithPermissions(f.Mode.Perm()))
	if err != nil {
		return err
	}
	defer out.Cleanup() //nolint:errcheck // after it has replaced, which tells of failure, there is nothing to clean
	if _, err := out.Write(f.Data); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}
