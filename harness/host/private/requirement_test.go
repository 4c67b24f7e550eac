package private

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

func TestEachMissingRequirementHasAFix(t *testing.T) {
	names := map[string][]string{}
	for _, r := range Requirements(bundle.Store{}, "") {
		names[r.For] = append(names[r.For], r.Name)
		assert.NotEmpty(t, r.Found, r.Name)
		assert.Equal(t, r.OK, r.Fix == "", "%s: exactly the missing ones have a fix", r.Name)
		assert.NotContains(t, r.Found+r.Fix, "\n", r.Name)
		assert.Equal(t, r.OK, r.Err() == nil)
	}
	assert.Equal(t, map[string][]string{
		"private host":     {"root", "nested user namespaces", "cgroups", "disk space"},
		"bundle installed": {"LXD", "programs"},
		"bundle debian":    {"mmdebstrap"},
	}, names)
}

func TestCheckReturnsTheFirstMissingRequirementOfItsKind(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // hides LXD and mmdebstrap
	store := bundle.Store{Dir: t.TempDir()}
	for kind, missing := range map[bundle.Kind]string{
		bundle.Installed: "bundle installed: LXD: ", bundle.Debian: "bundle debian: mmdebstrap: not installed; ", bundle.Dir: "",
	} {
		var first error
		for _, r := range Requirements(store, "") {
			if first == nil && (r.For == "private host" || r.For == "bundle "+string(kind)) {
				first = r.Err()
			}
		}
		err := Check(store, kind, "")
		assert.Equal(t, first, err, kind)
		if missing != "" && os.Geteuid() == 0 {
			require.Error(t, err)
			if strings.HasPrefix(err.Error(), "bundle") { // otherwise the machine misses something of private hosts
				assert.Regexp(t, "^"+missing, err.Error())
			}
		}
	}
}

func TestTheRootRequirementIsMetOnlyByRoot(t *testing.T) {
	r := root()
	assert.Equal(t, os.Geteuid() == 0, r.OK)
	assert.Equal(t, fmt.Sprintf("user id %d", os.Geteuid()), r.Found)
	if !r.OK {
		require.EqualError(t, r.Err(), fmt.Sprintf(
			"private host: root: user id %d; fix: run it as root or with sudo", os.Geteuid()))
		require.EqualError(t, userNamespaces().Err(),
			"private host: nested user namespaces: cannot be tried without root; fix: run it as root or with sudo")
	}
}

func TestDiskSpaceIsCheckedWhereTheStateWillBe(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Join(root, "not/there/yet")} {
		r := freeSpace(dir)
		assert.Regexp(t, `^\d+ MB free on `+regexp.QuoteMeta(root)+`$`, r.Found, "the nearest existing directory")
		if !r.OK {
			assert.Equal(t, "keep state in a directory with 1 GB free", r.Fix)
			require.ErrorIs(t, r.Err(), ErrNoSpace)
		}
	}
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	r := freeSpace(filepath.Join(file, "state"))
	assert.False(t, r.OK, "there is no space below a file")
	assert.Equal(t, file+"/state: not a directory", r.Found)
}

func TestDiskSpaceIsCheckedForARelativeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	assert.Regexp(t, `^\d+ MB free on `, freeSpace("state").Found)
}
