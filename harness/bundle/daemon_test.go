package bundle

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestTheDaemonIsTheOneThatTheLevelStarts(t *testing.T) {
	for name, c := range map[string]struct {
		programs []string
		daemon   string
	}{
		"LXD":               {[]string{"usr/sbin/lxd"}, lxdDaemon},
		"Incus, Debian's":   {[]string{"usr/libexec/incus/incusd"}, incusDaemon},
		"Incus, self-built": {[]string{"usr/local/bin/incusd"}, incusDaemon},
		"both":              {[]string{"usr/bin/lxd", "usr/libexec/incus/incusd"}, lxdDaemon},
		"a client of Incus": {[]string{"usr/bin/incus"}, lxdDaemon}, // which is then reported as missing
		"no daemon":         {nil, lxdDaemon},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, path := range c.programs {
				program(t, root, path)
			}
			assert.Equal(t, c.daemon, daemonOf(openRoot(t, root)))
		})
	}
}

func TestTheFlavorIsThatOfTheDaemonAndItsVersion(t *testing.T) {
	assert.EqualValues(t, "lxd-5.21.3", flavorOf(lxdDaemon, "5.21.3 LTS"))
	assert.EqualValues(t, "incus-6.0.4", flavorOf(incusDaemon, "6.0.4"))
}

func TestTheVersionOfShadowIsThatOfThePackage(t *testing.T) {
	for version, want := range map[string]idmap.Shadow{
		"1:4.13+dfsg1-1+deb12u2": "4.13",
		"1:4.17.4-2":             "4.17.4",
		"1:4.20.2~rc1-1ubuntu1":  "4.20.2",
		"4.8.1":                  "4.8.1",
		"unknown":                "",
	} {
		root := t.TempDir()
		program(t, root, "usr/bin/newuidmap")
		require.NoError(t, os.MkdirAll(filepath.Join(root, "var/lib/dpkg/info"), 0o755))
		status := "Package: uidmap\nStatus: install ok installed\nVersion: " + version + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), []byte(status), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg/info/uidmap.list"), []byte("/usr/bin/newuidmap\n"), 0o600))
		r := openRoot(t, root)
		got, err := findShadow(r, r)
		require.NoError(t, err)
		assert.Equal(t, want, got, version)
	}
	empty := openRoot(t, t.TempDir())
	got, err := findShadow(empty, empty)
	require.NoError(t, err)
	assert.Empty(t, got, "no newuidmap")
}

func TestADaemonThatWritesNoMapTestsWithAnEmptyOne(t *testing.T) {
	for text, want := range map[string]bool{"\x7fELF ... /proc/%d/ns/user": true, "\x7fELF ... /proc/%d/uid_map\x00/proc/%d/setgroups": false} {
		root := t.TempDir()
		program(t, root, "usr/bin/lxd")
		require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/lxd"), []byte(text), 0o755))
		got, err := testsWithEmptyNamespace(openRoot(t, root))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestFactsAboutADaemonAreReadBack(t *testing.T) {
	b := &Bundle{dir: t.TempDir()}
	require.NoError(t, os.WriteFile(b.factsFile(), []byte(`{"version":"5.0.2","emptyTrial":true}`), 0o600))
	require.NoError(t, b.loadFacts())
	assert.Equal(t, "5.0.2", b.LXD)
	assert.True(t, b.TestsWithEmptyNamespace)
	assert.Equal(t, idmap.LXD.At("5.0.2"), b.Flavor)
	require.NoError(t, os.WriteFile(b.factsFile(), []byte("{"), 0o600))
	assert.ErrorContains(t, b.loadFacts(), "facts.json: unexpected end of JSON input")
}

func TestThePathOfALevelIncludesAllProgramDirs(t *testing.T) {
	script, err := skeleton.ReadFile("skeleton/usr/lib/nestbed/lxd")
	require.NoError(t, err)
	for _, dir := range programDirs {
		assert.Regexp(t, "PATH=[^ ]*/"+dir+"[: ]", string(script))
	}
}

func TestADirectoryWithIncusNeedsNoLXD(t *testing.T) {
	s := Source{Kind: Dir, Arg: t.TempDir()}
	program(t, s.Arg, "usr/libexec/incus/incusd")
	require.EqualError(t, makeDir(t.Context(), t.TempDir(), s), "bundle "+s.String()+": it has no program ip; "+
		"a level needs incusd, ip, rsync, setfattr, getfattr, tar, unsquashfs, xz, zstd, busybox")
	for _, name := range required {
		program(t, s.Arg, "usr/bin", name)
	}
	root := t.TempDir()
	require.NoError(t, makeDir(t.Context(), root, s))
	assert.Equal(t, incusDaemon, daemonOf(openRoot(t, root)))
}

func TestALiblxcThatDoesNotMentionCgroup1SupportsOnlyCgroup2(t *testing.T) {
	for text, want := range map[string]bool{
		"\x7fELF Legacy cgroup layout\x00Unified cgroup layout": false, "\x7fELF Unified cgroup layout": true,
	} {
		root := t.TempDir()
		path := program(t, root, "usr/lib/x86_64-linux-gnu/liblxc.so.1.9.0")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		link(t, "/usr/lib/x86_64-linux-gnu/liblxc.so.1.9.0", root, "usr/lib/x86_64-linux-gnu/liblxc.so.1") // resolves inside root
		got, err := onlyCgroup2(openRoot(t, root))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := onlyCgroup2(openRoot(t, t.TempDir()))
	require.NoError(t, err)
	assert.False(t, got, "false if there is no liblxc")
}

func TestAProgramSaysOfItsBuildWhatDistinguishesIt(t *testing.T) {
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: "5664de1b6e1f0123456789"}, {Key: "vcs.modified", Value: modified}}
	}
	lxd := debug.Module{Path: "github.com/canonical/lxd", Version: "(devel)"}
	for want, info := range map[string]debug.BuildInfo{
		"revision 5664de1b6e1f":           {Path: "github.com/canonical/lxd/lxd", Main: lxd, Settings: vcs("false")},
		"revision 5664de1b6e1f, modified": {Path: "github.com/canonical/lxd/lxd", Main: lxd, Settings: vcs("true")},
		"module v0.0.0-20241209155119-76da976c6ee7": {
			Path: "github.com/canonical/lxd/lxd", Main: debug.Module{Path: "example.com/tool", Version: "v1.0.0"},
			Deps: []*debug.Module{{Path: "github.com/canonical/lxd", Version: "v0.0.0-20241209155119-76da976c6ee7"}},
		},
		"": {Path: "github.com/lxc/lxd/lxd", Main: debug.Module{Path: "github.com/lxc/lxd", Version: "(devel)"}},
	} {
		assert.Equal(t, want, describe(&info))
	}
	root := t.TempDir()
	program(t, root, "usr/bin/lxd")
	got, err := buildOf(openRoot(t, root), "/usr/bin/lxd")
	require.NoError(t, err)
	assert.Empty(t, got, "a script")
}
