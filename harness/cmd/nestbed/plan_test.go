package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestAPlanShowsLinesCommandsMapsAndADrawing(t *testing.T) {
	status, stdout, stderr := nestbed(t, "plan", "--depth", "2")
	assert.Equal(t, 0, status)
	assert.Empty(t, stderr)
	assert.Equal(t, `depth 2 takes 131072 ids of the host, 500000 to 631071

on the host: /etc/subuid and /etc/subgid say root:500000:131072
  touch /etc/subuid /etc/subgid && sed -i '/^root:/Id' /etc/subuid /etc/subgid
  echo root:500000:131072 | tee -a /etc/subuid /etc/subgid
  # or: usermod --add-subuids 500000-631071 --add-subgids 500000-631071 root
  systemctl restart lxd
  lxc launch IMAGE c1 -c security.nesting=true

in c1: /etc/subuid and /etc/subgid say root:65536:65536
  touch /etc/subuid /etc/subgid && sed -i '/^root:/Id' /etc/subuid /etc/subgid
  echo root:65536:65536 | tee -a /etc/subuid /etc/subgid
  # or: usermod --add-subuids 65536-131071 --add-subgids 65536-131071 root
  systemctl restart lxd
  lxc launch IMAGE c2

in c2: nothing to hand down

  level  name      ids  inside  parent    host   count
      1    c1  uid+gid       0  500000  500000  131072
      2    c2  uid+gid       0   65536  565536   65536

host  500000                              565536
c1    ├───────────────────────────────────────────────────────────────────────┤
c2                                        ├───────────────────────────────────┤

works, but:
  level 1: containers beside it that are not isolated have the same ids, and share one quota of kernel keys with it
    and so on down to level 2
  level 2: files of its image lose their capabilities, as level 1 has no id 1000000
`, stdout)
}

func TestAPlanAsJSONIsComplete(t *testing.T) {
	status, stdout, _ := nestbed(t, "plan", "--depth", "3", "--isolated", "--flavor", "incus", "--json")
	assert.Equal(t, 0, status)
	var p planned
	require.NoError(t, json.Unmarshal([]byte(stdout), &p))
	assert.Equal(t, "root:500000:393216", p.Host.Allocation)
	assert.Len(t, p.Levels, 3)
	assert.Equal(t, "327680", p.Levels[0].Config[idmap.KeySize])
	assert.Equal(t, "incus launch IMAGE c3 -c security.idmap.isolated=true -c security.idmap.size=65536", p.Levels[1].Commands[4])
	assert.Nil(t, p.Stop)
	assert.EqualValues(t, 65536, p.Levels[2].HostMap.UID[0].Count)
}

func TestAPlanForAppArmorHasTheSettingsOfLevelsWithoutProfiles(t *testing.T) {
	status, stdout, stderr := nestbed(t, "plan", "--depth", "4", "--apparmor")
	assert.Zero(t, status, stderr)
	const nesting = " -c security.nesting=true"
	unchanged := " -c 'raw.lxc=lxc.apparmor.profile = unchanged'"
	for _, want := range []string{
		"  lxc launch IMAGE c1" + nesting + "\n",
		"  lxc launch IMAGE c2 -c environment.LXD_SECURITY_APPARMOR=false" + nesting + "\n",
		"  lxc launch IMAGE c3 -c environment.LXD_SECURITY_APPARMOR=false" + unchanged + nesting + "\n",
		"  lxc launch IMAGE c4" + unchanged + "\n",
		"  level 3: no AppArmor profile can be made in level 2, so it runs in that of level 2\n    and so on down to level 4\n",
	} {
		assert.Contains(t, stdout, want)
	}
}

func TestAPlanWithNetworksSaysWhichAddressesEachLevelHas(t *testing.T) {
	status, stdout, stderr := nestbed(t, "plan", "--depth", "2", "--network", "--flavor", "incus")
	assert.Zero(t, status, stderr)
	for _, want := range []string{
		"  incus network create nestbed0 ipv4.address=10.77.1.1/24 ipv4.nat=true ipv6.address=fd42:77:1::1/64 ipv6.nat=true\n  incus launch IMAGE c1 -n nestbed0 -c security.nesting=true\n",
		"in c1: /etc/subuid and /etc/subgid say root:65536:65536\n  # eth0 gets an address of 10.77.1.0/24\n  # eth0 gets an address of fd42:77:1::/64\n",
		"in c2: nothing to hand down\n  # eth0 gets an address of 10.77.2.0/24\n  # eth0 gets an address of fd42:77:2::/64\n",
	} {
		assert.Contains(t, stdout, want)
	}
	status, stdout, _ = nestbed(t, "plan", "--depth", "2", "--network", "--json")
	assert.Zero(t, status)
	var p planned
	require.NoError(t, json.Unmarshal([]byte(stdout), &p))
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.77.2.0/24"), netip.MustParsePrefix("fd42:77:2::/64")}, p.Levels[1].Addresses)
}

func TestAPlanHasTheIDThatTheLastLevelNeeds(t *testing.T) {
	status, stdout, stderr := nestbed(t, "plan", "--depth", "2", "--needs", "100000", "--json")
	assert.Zero(t, status, stderr)
	var p planned
	require.NoError(t, json.Unmarshal([]byte(stdout), &p))
	assert.Equal(t, "root:500000:165537", p.Host.Allocation)
	assert.Equal(t, "root:65536:100001", p.Levels[0].Allocation)
	assert.EqualValues(t, 100001, p.Levels[1].Map.UID[0].Count)
	status, _, stderr = nestbed(t, "plan", "--needs", "4294967290")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, stderr, "ids end at 4294967294")
}

func TestLXDIgnoresAPlanForAnotherOwner(t *testing.T) {
	status, stdout, stderr := nestbed(t, "plan", "--owner", "lxd")
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "echo lxd:500000:196608")
	assert.Equal(t, "nestbed: this chain cannot be built: it stops at level 1, start: refused by newuidmap\n", stderr)
}

// The commands run in a directory that stands for a machine's root directory.
func TestTheCommandsOfAPlanMakeItsFiles(t *testing.T) {
	r, err := idmap.NewRecipe(idmap.Need{Depth: 3, Owner: "root", Start: 500000, Flavor: idmap.LXD})
	require.NoError(t, err)
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	for name, text := range map[string]string{
		"subuid": "lxd:1:2\nROOT:5:6\nroot:7:8\n", "passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n", "shadow": "root:*:19000:0:99999:7:::\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644))
	}
	run := func(command string) {
		out, err := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(command, "/etc/", root+"/etc/")).CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
	}
	files := func() (all []string) {
		for _, name := range []string{"subuid", "subgid"} {
			text, err := os.ReadFile(filepath.Join(root, "etc", name))
			require.NoError(t, err)
			all = append(all, string(text))
		}
		return all
	}
	made := newPlanned(r, false)
	run(made.Host.Commands[0])
	assert.Equal(t, []string{"lxd:1:2\n", ""}, files(), "lines of other owners stay")
	run(made.Host.Commands[1])
	assert.Equal(t, []string{"lxd:1:2\nroot:500000:196608\n", "root:500000:196608\n"}, files())

	run(made.Host.Commands[0])
	usermod, err := exec.LookPath("usermod")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("usermod needs root")
	}
	run(fmt.Sprintf("%s --prefix %s %s", usermod, root, strings.TrimPrefix(made.Host.Commands[2], "# or: usermod ")))
	assert.Equal(t, []string{"lxd:1:2\nroot:500000:196608\n", "root:500000:196608\n"}, files(), "usermod makes the same files")
}

func TestTranslateFollowsAnIDThroughAPlan(t *testing.T) {
	status, stdout, stderr := nestbed(t, "translate", "c1/c2/c3", "1000")
	assert.Equal(t, 0, status)
	assert.Empty(t, stderr)
	assert.Equal(t, `  level  name     uid     gid
      3    c3    1000    1000
      2    c2   66536   66536
      1    c1  132072  132072
      0  host  632072  632072
`, stdout)
	status, stdout, _ = nestbed(t, "translate", "--from-host", "632072", "--json")
	assert.Equal(t, 0, status)
	var rows []translated
	require.NoError(t, json.Unmarshal([]byte(stdout), &rows))
	require.Len(t, rows, 4)
	assert.EqualValues(t, 1000, *rows[3].UID)

	status, stdout, stderr = nestbed(t, "translate", "c1/c2/c3", "--from-host", "500000")
	assert.Equal(t, 1, status)
	assert.Equal(t, "nestbed: id 500000 does not exist at every level: c2 does not have it\n", stderr)
	assert.Contains(t, stdout, "2    c2    none    none")
	status, _, stderr = nestbed(t, "translate", "c1", "65536")
	assert.Equal(t, 1, status)
	assert.Equal(t, "nestbed: id 65536 does not exist at every level: c1 does not have it; it needs root:500000:65537 on the host, and more at every level: nestbed plan --depth 1 --needs 65536\n", stderr)
}

// file writes a file in a new directory.
func file(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return path
}

func TestTranslateUsesADescription(t *testing.T) {
	path := file(t, "web 0:500000:131072", "web/db u:0:65536:65536", "web/db g:0:65536:65535")
	status, stdout, _ := nestbed(t, "translate", "--file", path, "web/db", "33")
	assert.Equal(t, 0, status)
	assert.Contains(t, stdout, "0  host  565569  565569")
	status, stdout, stderr := nestbed(t, "translate", "--file", path, "web/db", "65535")
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "0  host  631071  none")
	assert.Equal(t, "nestbed: id 65535 does not exist at every level: db does not have it\n", stderr)
	status, _, stderr = nestbed(t, "translate", "--file", path, "db", "1")
	assert.Equal(t, 1, status)
	assert.Equal(t, "nestbed: "+path+": no container db\n", stderr)
	broken := file(t, "web 0:500000:65536", "web/db 0:65536:65536")
	status, _, stderr = nestbed(t, "translate", "--file", broken, "web/db", "1")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "line 2: web/db: takes uids 65536 to 131071 of web, which has 0 to 65535; nestbed check")
}
