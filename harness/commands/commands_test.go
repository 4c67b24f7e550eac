package commands_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/commands"
	"nestbed/harness/idmap"
)

func TestTheScriptOfAChainHasALineForEachDaemon(t *testing.T) {
	r, err := idmap.NewRecipe(idmap.Need{Depth: 3, Owner: idmap.Root, Start: 500000, Flavor: idmap.LXD})
	require.NoError(t, err)
	daemons := r.Layout().Daemons
	daemons[2].Flavor, daemons[2].Config = idmap.Incus, map[string]string{"raw.idmap": "both 0 0\nuid 1 1", "user.a": "it's"}
	daemons[2].Delegation.GID = idmap.File{Missing: true}
	daemons[2].ShadowTools = false
	assert.Equal(t, []string{
		"host# touch /etc/subuid /etc/subgid && sed -i '/^root:/Id' /etc/subuid /etc/subgid; echo root:500000:196608 | tee -a /etc/subuid /etc/subgid; " +
			"systemctl restart lxd; lxc launch IMAGE c1 -c security.nesting=true",
		`c1# printf 'root:65536:131072\n' | tee /etc/subuid /etc/subgid; systemctl restart lxd; lxc launch IMAGE c2 -c security.nesting=true`,
		`c2# printf 'root:65536:65536\n' > /etc/subuid; rm -f /etc/subgid; systemctl restart incus; ` +
			`incus launch IMAGE c3 -c "$(printf 'raw.idmap=both 0 0\nuid 1 1')" -c 'user.a=it'\''s'; # without newuidmap and newgidmap`,
	}, commands.Script(daemons))
}

func TestTheCommandsMakeTheBridgeOfTheContainer(t *testing.T) {
	all := commands.For(idmap.Daemon{
		Flavor: idmap.Incus, Network: map[string]string{"ipv4.nat": "false", "dns.domain": "a b"},
		Interface: map[string]string{"security.port_isolation": "true", "mtu": "1400"}, Config: map[string]string{"security.nesting": "true"},
	}, 1)
	assert.Equal(t, []string{
		"systemctl restart incus", "incus network create nestbed0 'dns.domain=a b' ipv4.nat=false",
		"incus launch IMAGE c1 -n nestbed0 -d eth0,mtu=1400 -d eth0,security.port_isolation=true -c security.nesting=true",
	}, all[len(all)-3:])
}

func TestCommandsAreASCII(t *testing.T) {
	all := commands.For(idmap.Daemon{Config: map[string]string{"user.a": "\u202e\u009b"}}, 1)
	assert.Equal(t, `lxc launch IMAGE c1 -c "$(printf 'user.a=\342\200\256\302\233')"`, all[len(all)-1])
}

// The commands run in a directory that stands for a machine's root directory.
func TestTheCommandsWriteExactlyTheseFiles(t *testing.T) {
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	rapid.Check(t, func(r *rapid.T) {
		file := rapid.Custom(func(r *rapid.T) idmap.File {
			if rapid.Bool().Draw(r, "missing") {
				return idmap.File{Missing: true}
			}
			return idmap.File{Text: strings.ReplaceAll(rapid.SampledFrom([]string{"root:1:2\n", "root:1:2\r\n", "%s\\'\n", "ä\x01\x00\xff", ""}).Draw(r, "text"), "\x00", "")}
		})
		d := idmap.Delegation{UID: file.Draw(r, "uid"), GID: file.Draw(r, "gid")}
		for _, name := range []string{"subuid", "subgid"} {
			require.NoError(r, os.WriteFile(filepath.Join(root, "etc", name), []byte("ROOT:7:8\n"), 0o600))
		}
		for _, line := range commands.For(idmap.Daemon{Delegation: d}, 1) {
			if strings.HasPrefix(line, "systemctl") {
				break
			}
			out, err := exec.Command(shell, "-ec", strings.ReplaceAll(line, "/etc/", root+"/etc/")).CombinedOutput()
			require.NoError(r, err, "%s: %s", line, out)
		}
		for name, want := range map[string]idmap.File{"subuid": d.UID, "subgid": d.GID} {
			text, err := os.ReadFile(filepath.Join(root, "etc", name))
			if want.Missing {
				require.ErrorIs(r, err, os.ErrNotExist)
				continue
			}
			require.NoError(r, err)
			require.Equal(r, want.Text, string(text))
		}
	})
}
