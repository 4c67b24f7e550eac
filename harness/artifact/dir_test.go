package artifact_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/artifact"
)

func TestASlugIsAPlainName(t *testing.T) {
	for text, want := range map[string]string{
		"Three levels, each in its own": "three-levels-each-in-its-own",
		"../../etc/passwd":              "etc-passwd",
		"100 % of 2^32":                 "100-of-2-32",
		"":                              "nameless",
		"äöü":                           "nameless",
		strings.Repeat("ab ", 40):       strings.Repeat("ab-", 26) + "ab",
	} {
		assert.Equal(t, want, artifact.Slug(text), text)
	}
}

func TestASavedLogHasNoControlCharacters(t *testing.T) {
	body := []byte("\x1b[2J\n\u009b\u202e\xff\n")
	dir, err := artifact.Dir(t.TempDir()).Save("A scenario", []artifact.File{{"lxc.log", body}})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "lxc.log"))
	require.NoError(t, err)
	assert.Equal(t, `\u001b[2J`+"\n"+`\u009b\u202e\xff`+"\n", string(text))
	assert.Equal(t, "\x1b[2J\n\u009b\u202e\xff\n", string(body), "the caller's bytes do not change")
}

func TestFilesAreSavedForTheirOwnerAlone(t *testing.T) {
	kept := artifact.Dir(filepath.Join(t.TempDir(), "kept"))
	first, err := kept.Save("A scenario", []artifact.File{{"diagnosis.txt", []byte("all")}, {"1-c1/lxc.log", []byte("log")}})
	require.NoError(t, err)
	second, err := kept.Save("A scenario", nil)
	require.NoError(t, err)
	assert.Equal(t, first+"-2", second, "the second one with this name")
	run, err := kept.Run()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(run, "a-scenario"), first)
	for path, mode := range map[string]os.FileMode{
		run: os.ModeDir | 0o700, first: os.ModeDir | 0o700, first + "/1-c1": os.ModeDir | 0o700,
		first + "/diagnosis.txt": 0o600, first + "/1-c1/lxc.log": 0o600,
	} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), path)
	}
	text, err := os.ReadFile(first + "/1-c1/lxc.log")
	require.NoError(t, err)
	assert.Equal(t, "log", string(text))
}

func TestByDefaultArtifactsAreInTheReportsOfTheRepository(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	root := filepath.Dir(filepath.Dir(here))
	dir, err := artifact.Dir("").Run()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "reports/artifacts"), filepath.Dir(dir), "not the directory of the package")

	dir, err = artifact.Dir("elsewhere").Run()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "elsewhere"), filepath.Dir(dir))
}
