package inventory

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

// programsIn makes dir the only directory in which programs are looked for. It skips the test
// without root, because other accounts look in root's directories first.
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

func TestAnUnmetRequirementIsOneLineWithAFix(t *testing.T) {
	r := Requirement{For: "private host", Name: "root", Found: "user id 1000", Fix: "run it as root or with sudo"}
	require.EqualError(t, r.Err(), "private host: root: user id 1000; fix: run it as root or with sudo")
}

func TestWithoutItsProgramsABundleSaysWhatToInstall(t *testing.T) {
	programsIn(t, t.TempDir())
	rs := Bundles(bundle.Store{Dir: t.TempDir()})
	for i, want := range []Requirement{
		{For: "bundle installed", Name: "LXD", Found: rs[0].Found, Fix: rs[0].Fix}, // depends on the distribution
		{
			For: "bundle installed", Name: "programs", Fix: rs[0].Fix,
			Found: "no lxd, ip, rsync, setfattr, getfattr, tar, unsquashfs, xz, zstd, busybox",
		},
		{For: "bundle debian", Name: "mmdebstrap", Found: "not installed", Fix: "apt-get install mmdebstrap"},
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
		For: "bundle installed", Name: "LXD", Found: "the LXD of this machine is a snap", Fix: "use the bundle debian:trixie",
	}, Bundles(bundle.Store{})[0])
}

func TestMmdebstrapIsNotNeededForCachedPackages(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	store := bundle.Store{Dir: t.TempDir()}
	require.EqualError(t, mmdebstrap(store).Err(), "bundle debian: mmdebstrap: not installed; fix: apt-get install mmdebstrap")
	require.NoError(t, os.Mkdir(filepath.Join(store.Dir, "packages-trixie-1"), 0o700))
	require.NoError(t, mmdebstrap(store).Err())
	assert.Contains(t, mmdebstrap(store).Found, "packages-trixie-1")
}
