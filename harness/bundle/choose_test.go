package bundle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program makes a program that always fails, and its directory.
func program(t *testing.T, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nexit 1\n"), 0o755))
	return path
}

// setPath makes dir the whole PATH. It skips the test without root, because other accounts
// search root's PATH first.
func setPath(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: other accounts do not search PATH alone")
	}
	t.Setenv("PATH", dir)
}

// link makes a symlink, and its directory.
func link(t *testing.T, target string, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.Symlink(target, path))
	return path
}

func TestAProgramIsFromASnapIfItsPathOrSymlinkTargetIs(t *testing.T) {
	dir := t.TempDir()
	lxd, snap := program(t, dir, "usr/sbin/lxd"), program(t, dir, "usr/bin/snap")
	for path, want := range map[string]bool{
		// snapd makes each program of a snap a symlink to its own launcher, on some distributions
		// outside of /snap.
		link(t, snap, dir, "var/lib/snapd/snap/bin/lxd"):                      true,
		link(t, filepath.Join(dir, "var/lib/snapd/snap/bin/lxd"), dir, "lxd"): true,
		link(t, "../usr/bin/snap", dir, "bin/lxd"):                            true,
		"/snap/bin/lxd":                        true, // even if it does not exist
		"/snap/lxd/current/bin/lxd":            true,
		lxd:                                    false,
		link(t, lxd, dir, "usr/local/bin/lxd"): false,
		program(t, dir, "snap/bin/lxd"):        false, // not below the machine's /snap
		program(t, dir, "opt/snapshot/lxd"):    false,
		program(t, dir, "opt/lxd-snap"):        false,
		link(t, filepath.Join(dir, "gone"), dir, "dangling/lxd"): false,
		filepath.Join(dir, "nothing-there"):                      false,
		"/snapd/bin/lxd":                                         false,
	} {
		assert.Equal(t, want, isSnap(path), strings.TrimPrefix(path, dir))
	}
}

func TestChooseTakesTheLXDThatIsInstalled(t *testing.T) {
	self, err := os.Executable() // a program like any other
	require.NoError(t, err)
	dir := t.TempDir()
	link(t, self, dir, "lxd")
	setPath(t, dir)
	s, why, err := Choose()
	require.NoError(t, err)
	assert.Equal(t, Source{Kind: Installed}, s)
	assert.Empty(t, why, "the default needs no reason")
}

func TestChooseTakesDebiansLXDIfTheInstalledOneIsASnap(t *testing.T) {
	dir := t.TempDir()
	link(t, program(t, dir, "snapd/snap"), dir, "bin/lxd")
	setPath(t, filepath.Join(dir, "bin"))
	s, why, err := Choose()
	require.NoError(t, err)
	assert.Equal(t, Source{Kind: Debian, Arg: "trixie"}, s)
	assert.Equal(t, "the LXD of this machine is a snap", why)
}

func TestChooseTakesDebiansLXDIfTheInstalledOneIsAScript(t *testing.T) {
	dir := t.TempDir()
	setPath(t, dir)
	script := program(t, dir, "lxd")
	s, why, err := Choose()
	require.NoError(t, err)
	assert.Equal(t, Source{Kind: Debian, Arg: "trixie"}, s)
	assert.Equal(t, script+" is not LXD but a script that installs it", why)
}

func TestChooseWithoutLXDSaysHowToInstallItOrTakesDebians(t *testing.T) {
	setPath(t, t.TempDir())
	s, why, err := Choose()
	// The expected result depends on the machine's distribution.
	if id, codename := distribution(); id != "debian" || codename != "bookworm" && codename != "trixie" {
		require.NoError(t, err)
		assert.Equal(t, Source{Kind: Debian, Arg: "trixie"}, s)
		assert.Equal(t, fmt.Sprintf("%s %s packages no LXD", id, codename), why)
		return
	}
	require.EqualError(t, err, "LXD: not installed on this machine; run make setup, or apt-get install "+
		"lxd busybox-static iproute2 uidmap rsync xz-utils zstd squashfs-tools attr")
	assert.Zero(t, s)
	assert.Empty(t, why)
}

func TestTheDistributionIsReadAsAShellReadsIt(t *testing.T) {
	// According to its manual page, os-release is a list of assignments that a shell can source.
	out, err := exec.CommandContext(t.Context(), "sh", "-c",
		`unset ID VERSION_CODENAME; . /etc/os-release && printf '%s\n%s\n' "$ID" "$VERSION_CODENAME"`).Output()
	if err != nil {
		t.Skip("no shell, or no os-release on this machine: ", err)
	}
	id, codename := distribution()
	assert.Equal(t, string(out), id+"\n"+codename+"\n")
}

func TestMissingProgramsAreAllNamed(t *testing.T) {
	dir := t.TempDir()
	setPath(t, dir)
	assert.Equal(t, []string{"lxd", "ip", "rsync", "setfattr", "getfattr", "tar", "unsquashfs", "xz", "zstd", "busybox"}, MissingPrograms())
	for _, name := range []string{"lxd", "tar", "busybox"} {
		program(t, dir, name)
	}
	assert.Equal(t, []string{"ip", "rsync", "setfattr", "getfattr", "unsquashfs", "xz", "zstd"}, MissingPrograms())

	_, err := installedFiles(t.Context(), Source{Kind: Installed, NoShadow: true})
	require.EqualError(t, err, "bundle installed,no-newuidmap: this machine has no ip, rsync, setfattr, getfattr, unsquashfs, xz, zstd; "+
		"run make setup, or apt-get install lxd busybox-static iproute2 uidmap rsync xz-utils zstd squashfs-tools attr")
}
