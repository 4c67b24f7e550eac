package host

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

// programsIn makes dir the only directory that programs are looked for in. It skips the test without root, because other
// accounts look where root does first.
func programsIn(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for whom PATH alone says where programs are")
	}
	t.Setenv("PATH", dir)
}

func TestARequirementThatIsMetIsNoError(t *testing.T) {
	require.NoError(t, Requirement{For: "private host", Name: "root", OK: true, Found: "user id 0"}.Err())
}

func TestALackIsOneLineThatSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	r := Requirement{For: "private host", Name: "root", Found: "user id 1000", Mend: "run it as root or with sudo"}
	require.EqualError(t, r.Err(), "private host: root: user id 1000; mend it with: run it as root or with sudo")
}

func TestEveryKindOfRunListsItsRequirementsAndEveryLackHasAMend(t *testing.T) {
	names := map[string][]string{}
	for _, r := range Requirements("") {
		names[r.For] = append(names[r.For], r.Name)
		assert.NotEmpty(t, r.Found, r.Name)
		assert.Equal(t, r.OK, r.Mend == "", "%s: a lack has a mend, and nothing else has", r.Name)
		assert.NotContains(t, r.Found+r.Mend, "\n", r.Name)
		assert.Equal(t, r.OK, r.Err() == nil)
	}
	assert.Equal(t, map[string][]string{
		"private host":     {"root", "nested user namespaces", "cgroups", "disk space"},
		"bundle installed": {"LXD", "programs"},
		"bundle debian":    {"mmdebstrap"},
	}, names)
}

func TestACheckGivesTheFirstLackOfItsKindOnly(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // so this machine has neither LXD nor mmdebstrap
	t.Setenv("NESTBED_CACHE", t.TempDir())
	for kind, lack := range map[bundle.Kind]string{
		bundle.Installed: "bundle installed: LXD: ", bundle.Debian: "bundle debian: mmdebstrap: not installed; ", bundle.Dir: "",
	} {
		var first error
		for _, r := range Requirements("") {
			if first == nil && (r.For == "private host" || r.For == "bundle "+string(kind)) {
				first = r.Err()
			}
		}
		err := Check(kind, "")
		assert.Equal(t, first, err, kind)
		if lack != "" && os.Geteuid() == 0 {
			require.Error(t, err)
			if strings.HasPrefix(err.Error(), "bundle") { // else the machine lacks more than that
				assert.Regexp(t, "^"+lack, err.Error())
			}
		}
	}
}

func TestWithoutItsProgramsABundleSaysWhatToInstall(t *testing.T) {
	programsIn(t, t.TempDir())
	t.Setenv("NESTBED_CACHE", t.TempDir())
	rs := bundleRequirements()
	for i, want := range []Requirement{
		{For: "bundle installed", Name: "LXD", Found: rs[0].Found, Mend: rs[0].Mend}, // by the machine's distribution
		{
			For: "bundle installed", Name: "programs", Mend: rs[0].Mend,
			Found: "no lxd, ip, rsync, setfattr, getfattr, tar, unsquashfs, xz, zstd, busybox",
		},
		{For: "bundle debian", Name: "mmdebstrap", Found: "not installed", Mend: "apt-get install mmdebstrap"},
	} {
		assert.Equal(t, want, rs[i])
	}
}

func TestASnapIsNotTheLXDOfABundle(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snap"), []byte("#!/bin/sh\n"), 0o755))
	require.NoError(t, os.Symlink("snap", filepath.Join(dir, "lxd")))
	programsIn(t, dir)
	assert.Equal(t, Requirement{
		For: "bundle installed", Name: "LXD", Found: "the LXD of this machine is a snap", Mend: "use the bundle debian:trixie",
	}, bundleRequirements()[0])
}

func TestOnlyRootHasRoot(t *testing.T) {
	r := root()
	assert.Equal(t, os.Geteuid() == 0, r.OK)
	assert.Equal(t, fmt.Sprintf("user id %d", os.Geteuid()), r.Found)
	if !r.OK {
		require.EqualError(t, r.Err(), fmt.Sprintf(
			"private host: root: user id %d; mend it with: run it as root or with sudo", os.Geteuid()))
		require.EqualError(t, userNamespaces().Err(),
			"private host: nested user namespaces: cannot be tried without root; mend it with: run it as root or with sudo")
	}
}

func TestDiskSpaceIsLookedForWhereTheStateWillLie(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Join(root, "not/there/yet")} {
		t.Setenv("NESTBED_STATE", dir)
		r := freeSpace(StateRoot())
		assert.Regexp(t, `^\d+ MB free on `+regexp.QuoteMeta(root)+`$`, r.Found, "the nearest directory that is there")
		if !r.OK {
			assert.Equal(t, "set NESTBED_STATE (or --state) to a directory with 1 GB free", r.Mend)
		}
	}
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("NESTBED_STATE", filepath.Join(file, "state"))
	r := freeSpace(StateRoot())
	assert.False(t, r.OK, "under a file there is no room at all")
	assert.Equal(t, file+"/state: not a directory", r.Found)
}

func TestDiskSpaceIsLookedForUnderARelativeDirectoryToo(t *testing.T) {
	t.Chdir(t.TempDir())
	assert.Regexp(t, `^\d+ MB free on `, freeSpace("state").Found)
}

func TestNothingFetchesWhatTheCacheHas(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	t.Setenv("NESTBED_CACHE", cache)
	require.EqualError(t, mmdebstrap().Err(), "bundle debian: mmdebstrap: not installed; mend it with: apt-get install mmdebstrap")
	require.NoError(t, os.Mkdir(filepath.Join(cache, "packages-trixie-1"), 0o700))
	require.NoError(t, mmdebstrap().Err())
	assert.Contains(t, mmdebstrap().Found, "packages-trixie-1")
}
