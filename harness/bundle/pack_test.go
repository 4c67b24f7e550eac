package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheMetadataHoldATemplateForEachSubIDFile(t *testing.T) {
	files := metadata()
	require.Len(t, files, 4)
	// The default gives a level without a delegation two empty files.
	assert.Equal(t, `{{ config_get("user.nestbed.subuid", "")|cut:"[nestbed]" }}`, files["templates/subuid.tpl"])
	assert.Equal(t, `{{ config_get("user.nestbed.subgid", "")|cut:"[nestbed]" }}`, files["templates/subgid.tpl"])
	assert.Equal(t, `{{ config_get("user.nestbed.missing", "")|cut:"[nestbed]" }}`, files["templates/missing.tpl"])

	yaml := files["metadata.yaml"]
	head, templates, found := strings.Cut(yaml, "templates:\n")
	require.True(t, found, yaml)
	assert.Equal(t, "architecture: "+Architecture()+"\ncreation_date: 1\nproperties:\n  description: nestbed bundle\n", head)
	// In any order, and only at creation, because a level may change its files later.
	assert.ElementsMatch(t, []string{
		"  /etc/subuid:\n    when: [create]\n    template: subuid.tpl\n",
		"  /etc/subgid:\n    when: [create]\n    template: subgid.tpl\n",
		"  /var/lib/nestbed/missing:\n    when: [create]\n    template: missing.tpl\n",
	}, regexp.MustCompile(`(?m)^  /.*\n(?:    .*\n)*`).FindAllString(templates, -1))
	assert.Equal(t, 9, strings.Count(templates, "\n"), "nothing else: %q", templates)
}

func TestOnlyABundleWithAMergedUsrHasAThinImage(t *testing.T) {
	for name, c := range map[string]struct {
		link, target string
		wanted       bool
	}{
		"merged":            {"bin", "usr/bin", true},
		"by absolute links": {"sbin", "/usr/sbin", true},
		"into each other":   {"sbin", "usr/bin", true},
		"to somewhere else": {"lib", "opt/lib", false},
		"upwards, out of /": {"lib64", "../../usr/lib64", true},
		"with a directory":  {"bin", "", false},
	} {
		b := &Bundle{dir: t.TempDir()}
		require.NoError(t, os.MkdirAll(b.Root(), 0o700))
		if c.target == "" {
			require.NoError(t, os.Mkdir(filepath.Join(b.Root(), c.link), 0o700))
		} else {
			require.NoError(t, os.Symlink(c.target, filepath.Join(b.Root(), c.link)))
		}
		require.NoError(t, makeLayout(openRoot(t, b.Root())))
		merged, err := b.usrMerged()
		require.NoError(t, err)
		assert.Equal(t, c.wanted, merged, name)
	}
}

func TestTheArchitectureIsTheKernelsName(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "uname", "-m").Output()
	if err != nil {
		t.Skip("no uname here: ", err)
	}
	machine := strings.TrimSpace(string(out))
	if strings.HasPrefix(machine, "arm") || strings.HasPrefix(machine, "i") {
		t.Skip("the kernel has more names for 32-bit machines than Go: ", machine)
	}
	assert.Equal(t, machine, Architecture())
}
