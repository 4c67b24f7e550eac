package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nestbed/harness/printable"
)

// began is the time in the name of this run's directory.
var began = time.Now() //nolint:gochecknoglobals // a run is a process

// A Dir has a directory for each run. The empty Dir is reports/artifacts. A relative path starts
// at the module's root, because go test starts tests in the directory of their package. Outside a
// module it starts at the working directory.
type Dir string

// Path returns the absolute path.
func (d Dir) Path() (string, error) {
	dir := cmp.Or(string(d), filepath.Join("reports", "artifacts"))
	if filepath.IsAbs(dir) {
		return dir, nil
	}
	base, err := moduleRoot()
	return filepath.Join(base, dir), err
}

// Run returns the directory of this run, which may not exist yet.
func (d Dir) Run() (string, error) {
	dir, err := d.Path()
	return filepath.Join(dir, fmt.Sprintf("%s-%d", began.Format("20060102-150405"), os.Getpid())), err
}

// moduleRoot returns the nearest directory upwards that has a go.mod, or the working directory if
// there is none.
func moduleRoot() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return here, nil
		}
	}
}

// slugLength keeps a path readable, and its names below the 255 bytes of filesystems.
const slugLength = 80

// Slug returns text as the name of a directory: lower-case letters and digits with dashes between.
func Slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	slug := strings.Join(words, "-")
	if len(slug) > slugLength {
		slug = strings.TrimRight(slug[:slugLength], "-")
	}
	if slug == "" {
		return "nameless"
	}
	return slug
}

// ErrDir is the error of a Dir that cannot be made.
var ErrDir = errors.New("artifacts")

// Save writes files into a new directory of this run, named after title, and returns that
// directory. Only the account that runs the tests may read it. Save escapes control characters,
// because people read the files on terminals.
func (d Dir) Save(title string, files []File) (string, error) {
	run, err := d.Run()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return "", fmt.Errorf("%w: %w; name another directory for them", ErrDir, err)
	}
	dir, err := newDir(filepath.Join(run, Slug(title)))
	if err != nil {
		return "", fmt.Errorf("artifacts: %w", err)
	}
	files = slices.Clone(files)
	for i := range files {
		files[i].Body = []byte(printable.Text(string(files[i].Body)))
	}
	for _, f := range Fit(files, Limit) {
		path := filepath.Join(dir, f.Name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(printable.Text(string(f.Body))), 0o600) // Fit may have cut a character in two
		}
		if err != nil {
			return dir, fmt.Errorf("artifacts: %w", err)
		}
	}
	return dir, nil
}

// newDir makes a directory. If the name exists, it appends a number: the examples of an outline
// share one name.
func newDir(path string) (string, error) {
	for n := 1; ; n++ {
		dir := path
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", path, n)
		}
		if err := os.Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
	}
}
