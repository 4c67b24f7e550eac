package scenarios_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limits of packages and files, without tests, so that the right file is easy to find.
const (
	mostFiles     = 20
	mostLines     = 3000
	mostFileLines = 250
)

// smaller has the packages with a lower limit, larger those without: steps has a file for each
// subject, cmd/nestbed one for each verb.
var (
	smaller = map[string]int{"harness": 2500}
	larger  = map[string]bool{"steps": true, "harness/cmd/nestbed": true}
)

func TestPackagesAndFilesStaySmall(t *testing.T) {
	files, lines := map[string]int{}, map[string]int{}
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || name != "." && strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		n := bytes.Count(text, []byte("\n"))
		assert.LessOrEqual(t, n, mostFileLines, "lines of %s: give each noun its own file", name)
		files[path.Dir(name)]++
		lines[path.Dir(name)] += n
		return nil
	}))
	require.NotEmpty(t, files)
	for dir := range files {
		if larger[dir] {
			continue
		}
		most := mostLines
		if less, ok := smaller[dir]; ok {
			most = less
		}
		assert.LessOrEqual(t, files[dir], mostFiles, "files of %s", dir)
		assert.LessOrEqual(t, lines[dir], most, "lines of %s", dir)
	}
}
