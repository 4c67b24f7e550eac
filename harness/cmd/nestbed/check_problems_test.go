package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckJudgesTheFilesOfAnotherMachineOrLevel(t *testing.T) {
	default100000 := file(t, "root:100000:65536")
	status, stdout, stderr := checked(t, true, default100000, default100000, "--own", "0:500000:131072")
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, default100000+" and "+default100000+" line 1: cannot work: ids 100000 to 165535 do not all exist here: this level has 131072 ids\n  fix: line 1: root:65536:65536\n")
	assert.Contains(t, stderr, "allocation outside the parent")

	status, _, stderr = checked(t, true, default100000, default100000, "--own", file(t, "         0     500000     196608"), "--newuidmap", "no")
	assert.Zero(t, status, stderr)
	status, stdout, _ = checked(t, true, file(t), file(t), "--newuidmap", "no")
	assert.Zero(t, status)
	assert.Contains(t, stdout, "newuidmap and newgidmap  not installed, as --newuidmap says\n")
	status, _, stderr = checked(t, true, default100000, default100000, "--own", "0:1")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, stderr, "give inside:parent:count, or a file such as /proc/PID/uid_map")
	status, _, _ = checked(t, true, default100000, default100000, "--newuidmap", "maybe")
	assert.Equal(t, exitUsage, status)
}

func TestCheckOfTheLinesOfAnOwner(t *testing.T) {
	subid := file(t, "daemon:1:65536")
	status, stdout, stderr := checked(t, true, subid, file(t, "daemon:100000:65536"), "--owner", "daemon")
	assert.Equal(t, 1, status)
	assert.Equal(t, subid+" line 1: cannot work: it has daemon's own id 1, which is mapped to 0 already, and the kernel refuses a map that has an id twice\n"+
		"  fix: line 1: daemon:1000000:65536\n", stdout)
	assert.Contains(t, stderr, "rootless containers of daemon cannot start as they should; see above")
	good := file(t, "daemon:100000:65536")
	status, stdout, stderr = checked(t, true, good, good, "--owner", "daemon")
	assert.Zero(t, status, stderr)
	assert.Equal(t, "rootless containers of daemon work with these files\n", stdout)
	status, _, _ = checked(t, true, good, good, "--owner", "nobody-has-this-name")
	assert.Equal(t, exitUsage, status)
}

func TestCheckOfTheConfigurationOfAContainer(t *testing.T) {
	subid := file(t, "root:1000000:1000000000")
	shown := file(t, "architecture: x86_64", "config:", "  raw.idmap: |-", "    both 1000 1000", `  volatile.idmap.base: "0"`, "devices: {}", "profiles:", "- default")
	status, stdout, stderr := checked(t, true, subid, subid, "--config", shown)
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, subid+" and "+subid+": cannot work: raw.idmap names ids from 1000 on, which newuidmap does not grant root\n"+
		"  fix: write the line root:1000:1 after the others, and restart LXD\n")
	assert.Contains(t, stderr, "a container with this configuration cannot start with these files; see above")
	status, _, stderr = checked(t, true, subid, subid, "--config", file(t, "config: {}"))
	assert.Zero(t, status, stderr)
	for _, bad := range []string{"name: c1", "\x00", "config: [1]", ""} {
		status, _, stderr = checked(t, true, subid, subid, "--config", file(t, bad))
		assert.Equal(t, exitUsage, status, bad)
		assert.Contains(t, stderr, "give what lxc config show NAME --expanded prints")
	}
}

func TestCheckOfTheOwnersOfAnImage(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image.tar")
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for name, uid := range map[string]int{"etc": 0, "home/\x1b[31m": 70000} {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Uid: uid}))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(image, text.Bytes(), 0o600))
	status, stdout, stderr := nestbed(t, "check", "--image", image)
	assert.Equal(t, 1, status)
	assert.Equal(t, "image.tar: 2 files; the highest id is 70000\nmissing  uid 70000  files: 1  home/\\u001b[31m\n"+
		"fix: give the level 70001 ids (nestbed plan --needs 70000), or change these owners in the image\n", stdout)
	assert.Equal(t, "nestbed: image "+image+": a level with these ids does not have all its owners\n", stderr)
	status, stdout, _ = nestbed(t, "check", "--image", image, "--own", "0:500000:70001")
	assert.Zero(t, status)
	assert.Contains(t, stdout, "the level has all owners\n")
	status, _, stderr = nestbed(t, "check", "--image", file(t, "text"))
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "it is no tar archive, also not one compressed with gzip, xz or zstd; give an OCI archive, or a tar of a root filesystem")
	for _, wrong := range [][]string{{"/no/such/file"}, {image, "containers.txt"}, {image, "--owner", "daemon"}} {
		status, _, stderr = nestbed(t, append([]string{"check", "--image"}, wrong...)...)
		assert.Equal(t, exitUsage, status, stderr)
	}
}
