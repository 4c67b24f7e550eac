package dpkg

import (
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/internal/inroot"
)

var names = []string{"lxd", "incus-base", "incus"}

func openRoot(t *testing.T, dir string) *inroot.Root {
	t.Helper()
	r, err := inroot.Open(dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

const status = `Package: busybox-static
Status: install ok installed
Version: 1:1.35.0-4+b7

Package: lxd
Status: install ok installed
Conffiles:
 /etc/dnsmasq.d-available/lxd abc
 /etc/logrotate.d/lxd def
Depends: acl, adduser, attr,
 ca-certificates
Version: 5.0.2-5+b1
Description: Powerful system container and virtual machine manager - daemon
 LXD is a next generation system container and virtual machine manager.
 .
 It offers a unified user experience.

`

func packageOf(t *testing.T, root, file string, names ...string) (string, error) {
	t.Helper()
	r := openRoot(t, root)
	return PackageOf(r, r, file, names...)
}

func dpkgRoot(t *testing.T, status string, lists map[string]string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, infoDir), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, statusFile), []byte(status), 0o600))
	for name, list := range lists {
		require.NoError(t, os.WriteFile(filepath.Join(root, infoDir, name+".list"), []byte(list), 0o600))
	}
	return root
}

func TestThePackageOfADaemonIsTheOneThatContainsIt(t *testing.T) {
	lxd := map[string]string{"lxd": "/.\n/usr\n/usr/bin\n/usr/bin/lxd\n"}
	for name, c := range map[string]struct {
		status, program, want string
		lists                 map[string]string
	}{
		"Debian's":                         {status, "/usr/bin/lxd", "lxd 5.0.2-5+b1", lxd},
		"by its short name":                {status, "/bin/lxd", "lxd 5.0.2-5+b1", lxd},
		"in a package before usr merge":    {status, "/usr/bin/lxd", "lxd 5.0.2-5+b1", map[string]string{"lxd": "/bin/lxd\n"}},
		"self-built":                       {status, "/usr/local/bin/lxd", "", lxd},
		"last stanza without a blank line": {strings.TrimRight(status, "\n") + "\n", "/usr/bin/lxd", "lxd 5.0.2-5+b1", lxd},
		"removed, its configuration kept": {
			strings.ReplaceAll(status, "install ok installed", "deinstall ok config-files"), "/usr/bin/lxd", "", lxd,
		},
		"Incus": {
			"Package: incus-base\nStatus: install ok installed\nVersion: 6.0.4-2\n", "/usr/libexec/incus/incusd", "incus-base 6.0.4-2",
			map[string]string{"incus-base": "/usr/libexec/incus/incusd\n"},
		},
		"nothing installed": {"", "/usr/bin/lxd", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := packageOf(t, dpkgRoot(t, c.status, c.lists), c.program, names...)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	got, err := packageOf(t, t.TempDir(), "/usr/bin/lxd", names...)
	require.NoError(t, err, "a distribution without dpkg")
	assert.Empty(t, got)
}

func TestAReplacedFileIsNotItsPackages(t *testing.T) {
	root := dpkgRoot(t, status, map[string]string{"lxd": "/usr/bin/lxd\n"})
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/lxd"), []byte("built"), 0o755))
	sums := filepath.Join(root, infoDir, "lxd.md5sums")
	for text, want := range map[string]string{
		"fb8fa7a3f0b3b2cbf0d2b1b3d0c2a1f6  usr/bin/lxd\n": "",
		"7dde1c9b4a4e1f0e2b6a7a5d7bd4d8f5  usr/bin/lxc\n": "lxd 5.0.2-5+b1", // no sum of this file
		"": "lxd 5.0.2-5+b1",
	} {
		require.NoError(t, os.WriteFile(sums, []byte(text), 0o600))
		got, err := packageOf(t, root, "/usr/bin/lxd", names...)
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	text, err := os.ReadFile(filepath.Join(root, "usr/bin/lxd"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(sums, fmt.Appendf(nil, "%x  usr/bin/lxd\n", md5.Sum(text)), 0o600))
	got, err := packageOf(t, root, "/usr/bin/lxd", names...)
	require.NoError(t, err)
	assert.Equal(t, "lxd 5.0.2-5+b1", got)

	other := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(other, "usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other, "usr/bin/lxd"), []byte("another"), 0o755))
	got, err = PackageOf(openRoot(t, root), openRoot(t, other), "/usr/bin/lxd", names...)
	require.NoError(t, err)
	assert.Empty(t, got, "the file of another root filesystem")
}

func TestAnInvalidDpkgStatusIsAnError(t *testing.T) {
	root := dpkgRoot(t, "\x00\x00\n\n", nil)
	_, err := packageOf(t, root, "/usr/bin/lxd", names...)
	require.ErrorContains(t, err, statusFile)
}

func FuzzReadStatus(f *testing.F) {
	f.Add(status)
	f.Add("Package: lxd\nStatus: install ok installed")
	f.Add("Package: lxd\n\n\n\nVersion: 1\nStatus: install ok installed\n")
	f.Fuzz(func(t *testing.T, text string) {
		versions, err := readStatus(strings.NewReader(text), names)
		if err != nil {
			assert.Nil(t, versions)
		}
		for name := range versions {
			assert.Contains(t, names, name)
		}
	})
}
