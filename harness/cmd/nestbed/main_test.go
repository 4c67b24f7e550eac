package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host/private"
)

// nestbed runs the command in this process, and returns its exit status and output. Give it only
// arguments that it refuses before it makes anything: as root all others really run.
func nestbed(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("NESTBED_STATE", filepath.Join(dir, "state"))
	t.Setenv("NESTBED_CACHE", filepath.Join(dir, "cache"))
	out, err := os.Create(filepath.Join(dir, "out"))
	require.NoError(t, err)
	defer out.Close()
	errOut, err := os.Create(filepath.Join(dir, "err"))
	require.NoError(t, err)
	defer errOut.Close()
	func() {
		oldOut, oldErr := os.Stdout, os.Stderr
		os.Stdout, os.Stderr = out, errOut
		defer func() { os.Stdout, os.Stderr = oldOut, oldErr }()
		status = run(t.Context(), args)
	}()
	assert.NoDirExists(t, filepath.Join(dir, "cache"), "a bundle was begun")
	text, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	errText, err := os.ReadFile(errOut.Name())
	require.NoError(t, err)
	return status, string(text), string(errText)
}

func TestWrongUseExitsWithTwoAndPrintsOneLine(t *testing.T) {
	const (
		allocation = "; write owner:start:count, such as root:500000:196608"
		source     = ": unknown; write installed, built:DIR, snap:FILE, module:lxd, debian:SUITE, debian:SUITE/incus, dir:PATH or tar:FILE (a SUITE is, for example, trixie)"
	)
	for command, want := range map[string]string{
		"dwon":                                  `unknown command "dwon" for "nestbed"; see nestbed --help`,
		"--frobnicate":                          `unknown flag: --frobnicate; see nestbed --help`,
		"-x":                                    `unknown shorthand flag: 'x' in -x; see nestbed --help`,
		"up --frobnicate":                       `unknown flag: --frobnicate; see nestbed up --help`,
		"up 3":                                  `unknown command "3" for "nestbed up"; see nestbed up --help`,
		"up --depth":                            `flag needs an argument: --depth; see nestbed up --help`,
		"up --depth three":                      `invalid argument "three" for "--depth" flag: strconv.ParseInt: parsing "three": invalid syntax; see nestbed up --help`,
		"up --depth 0":                          `--depth 0: out of range; a chain has 1 to 33 levels`,
		"up --depth -1":                         `--depth -1: out of range; a chain has 1 to 33 levels`,
		"up --depth=34":                         `--depth 34: out of range; a chain has 1 to 33 levels`,
		"up --depth 65537":                      `--depth 65537: out of range; a chain has 1 to 33 levels`,
		"up --keep=perhaps":                     `invalid argument "perhaps" for "--keep" flag: strconv.ParseBool: parsing "perhaps": invalid syntax; see nestbed up --help`,
		"up --bundle snap":                      `--bundle: bundle "snap"` + source,
		"up --bundle dir:":                      `--bundle: bundle "dir:"` + source,
		"up --bundle debian":                    `--bundle: bundle "debian"` + source,
		"up --bundle debian:--mode=root --json": `--bundle: bundle "debian:--mode=root"` + source,
		"up --allocation root:5:x": `--allocation: allocation "root:5:x": the count is "x", expected a number from 1 to 4294967295` +
			allocation,
		"up --allocation 500000:196608": `--allocation: allocation "500000:196608": 2 fields, expected 3` + allocation,
		"up --allocation root:4294967296:65536": `--allocation: allocation "root:4294967296:65536": ` +
			`the start is "4294967296", expected a number from 0 to 4294967294` + allocation,
		"up --allocation root:4294901760:65536": `--allocation: allocation "root:4294901760:65536": ` +
			`its last id would be 4294967295, but ids end at 4294967294` + allocation,
		"up --svg":                                     `flag needs an argument: --svg; see nestbed up --help`,
		"up --svg missing/chain.svg":                   `--svg missing/chain.svg: there is no directory missing; make it, or name a file elsewhere`,
		"up --svg main.go/chain.svg":                   `--svg main.go/chain.svg: there is no directory main.go; make it, or name a file elsewhere`,
		"up --svg /dev/null --json":                    `--svg /dev/null: exists and is not a regular file; name another file`,
		"up --svg . --bundle nonsense":                 `--svg .: exists and is not a regular file; name another file`,
		"plan 3":                                       `unknown command "3" for "nestbed plan"; see nestbed plan --help`,
		"plan --depth 0":                               `depth 0: out of range; a chain has 1 to 32 levels`,
		"plan --depth 33":                              `depth 33: out of range; a chain has 1 to 32 levels`,
		"plan --start -1":                              `invalid argument "-1" for "--start" flag: strconv.ParseUint: parsing "-1": invalid syntax; see nestbed plan --help`,
		"plan --start 4294967294":                      `start 4294967294: depth 3 needs 196608 ids, so the last would be 4295163901, but ids end at 4294967294; start lower`,
		"plan --flavor lxc":                            `--flavor: flavor "lxc": not known; use lxd or incus, or one of their versions, such as lxd-5.0.2 or incus-6.0.4`,
		"plan --owner a:b":                             `--owner: allocation "a:b:0:1": 4 fields, expected 3; write owner:start:count, such as root:500000:196608`,
		"plan --svg /no/such/dir/x":                    `--svg /no/such/dir/x: there is no directory /no/such/dir; make it, or name a file elsewhere`,
		"check a b":                                    `accepts at most 1 arg(s), received 2; see nestbed check --help`,
		"check --flavor snap":                          `--flavor: flavor "snap": not known; use lxd or incus, or one of their versions, such as lxd-5.0.2 or incus-6.0.4`,
		"translate":                                    `accepts between 1 and 2 arg(s), received 0; see nestbed translate --help`,
		"translate c1 x":                               `id "x": expected a number from 0 to 4294967294`,
		"translate c1 4294967295":                      `id "4294967295": expected a number from 0 to 4294967294`,
		"translate c1 1 --file f --chain c":            `--file and --chain: the maps come from one of them; leave one out`,
		"translate 1 --file f":                         `--file: which container? name its PATH, such as c1/c2`,
		"shell":                                        `which level? name its PATH, such as c1/c2, or host; see nestbed shell --help`,
		"shell -- id":                                  `which level? name its PATH, such as c1/c2, or host; see nestbed shell --help`,
		"shell c1 id":                                  `"id": write -- before the command; see nestbed shell --help`,
		"shell c1//c2":                                 `path "c1//c2": expected names of containers, such as c1/c2, or host`,
		"doctor now":                                   `unknown command "now" for "nestbed doctor"; see nestbed doctor --help`,
		"doctor --all":                                 `unknown flag: --all; see nestbed doctor --help`,
		"simulate --members 0":                         `--members: 0 is out of range; it is 1 to 1000`,
		"simulate --processors -1":                     `--processors: -1 is out of range; it is 0.01 to 10000`,
		"simulate --at-once 0":                         `--at-once: 0 is out of range; it is 1 to 100000`,
		"simulate --memory=NaN":                        `--memory: NaN is out of range; it is 0 to 1.7976931348623157e+308`,
		"simulate --depth 33":                          `--depth 33: out of range; a chain has 1 to 32 levels`,
		"simulate --costs /none":                       `--costs: open /none: no such file or directory`,
		"simulate --bundle 2=installed,1=x":            `--bundle: bundle "x"` + source,
		"test --name (":                                "--name: error parsing regexp: missing closing ): `(`",
		"test --require fuse":                          `--require fuse: not known; the only value is all`,
		"test --host vm --keep":                        `--keep: the virtual machine, with everything in it, ends with the command; leave this out`,
		"test --bundle installed,snap":                 `--bundle: bundle "snap"` + source,
		"test --bundle installed,module:lxd --junit f": `--junit: there are several bundles; use --reports, which has a junit.xml for each`,
		"test --junit /none/f":                         `--junit /none/f: there is no directory /none; make it, or name a file elsewhere`,
		"test none.feature":                            `features: stat none.feature: no such file or directory`,
		"test main.go":                                 `features: main.go: not a feature file; its name must end in .feature`,
		"test ../nestbed-relay":                        `features: ../nestbed-relay: there is no feature file in it; their names end in .feature`,
		"test --list --name nothing":                   `no scenario was run; check the name, the tags and the paths`,
		"upgrade":                                      `--to: bundle ""` + source,
		"upgrade --from x --to installed":              `--from: bundle "x"` + source,
		"upgrade --to installed --html /none/x":        `--html /none/x: there is no directory /none; make it, or name a file elsewhere`,
		"reap --frobnicate":                            `unknown flag: --frobnicate; see nestbed reap --help`,
	} {
		t.Run(command, func(t *testing.T) {
			status, stdout, stderr := nestbed(t, strings.Fields(command)...)
			assert.Equal(t, 2, status)
			assert.Equal(t, "nestbed: "+want+"\n", stderr)
			assert.Empty(t, stdout, "standard output is for results")
		})
	}
}

func TestAnInvalidPatienceIsAUsageError(t *testing.T) {
	t.Setenv("NESTBED_PATIENCE", "much")
	status, stdout, stderr := nestbed(t, "plan")
	assert.Equal(t, 2, status)
	assert.Equal(t, "nestbed: NESTBED_PATIENCE: read \"much\", expected a number from 0.01 to 100\n", stderr)
	assert.Empty(t, stdout)
}

func TestReapListTakesNoNames(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("without root, reap ends before it looks at names")
	}
	status, stdout, stderr := nestbed(t, "reap", "--list", "x")
	assert.Equal(t, 2, status)
	assert.Equal(t, "nestbed: --list takes no names; see nestbed reap --help\n", stderr)
	assert.Empty(t, stdout)
}

func TestShellNeedsARunningHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("shell needs root")
	}
	status, stdout, stderr := nestbed(t, "shell", "c1") // the state root of this test is empty
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Regexp(t, `^nestbed: no host is kept; .*\n$`, stderr)
	status, _, stderr = nestbed(t, "shell", "--chain", "nobody", "c1")
	assert.Equal(t, 1, status)
	assert.Regexp(t, `^nestbed: host nobody: .*; nestbed reap --list shows the hosts\n$`, stderr)
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	for command, want := range map[string]string{
		"":              "Exit status: 0 works, 1 does not work, 2 wrong use, 128 + N stopped by signal N.",
		"help":          "NESTBED_STATE     where running chains keep their state",
		"--help":        "Usage:\n  nestbed [flags]\n  nestbed [command]",
		"-h":            "Plan and check, without building:",
		"up --help":     "nestbed up --allocation root:500000:131072",
		"help up":       "--keep                leave the chain running",
		"up -h 3":       "--depth int           number of levels, 1 to 33 (default 3)",
		"up -h":         "--svg FILE            also write the drawing to FILE as SVG",
		"doctor --help": "Exit status 1 if nestbed up would not run here with its defaults.",
		"reap --help":   "reap [NAME...]",
	} {
		t.Run(command, func(t *testing.T) {
			status, stdout, stderr := nestbed(t, strings.Fields(command)...)
			assert.Equal(t, 0, status)
			assert.Contains(t, stdout, want)
			assert.Empty(t, stderr)
		})
	}
}

func TestVerbsThatNeedRootSaySo(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("as root these verbs really run")
	}
	for _, command := range []string{"up --bundle installed", "reap", "reap --list", "reap somebody", "shell c1"} {
		status, stdout, stderr := nestbed(t, strings.Fields(command)...)
		assert.Equal(t, 1, status, command)
		assert.Regexp(t, `^nestbed: .*as root or with sudo\n$`, stderr, command)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), command)
		assert.Empty(t, stdout, command)
	}
}

func TestReapWorksIfThereIsNothingToReap(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("reap needs root")
	}
	status, stdout, stderr := nestbed(t, "reap") // the state root of this test is empty
	assert.Equal(t, 0, status)
	// Reap also clears hosts in memory whose state root is gone, so other tests' hosts may be
	// listed.
	assert.Regexp(t, `^(nothing to clear\n|(cleared /dev/shm/nestbed-.*\n)+)$`, stdout)
	assert.Empty(t, stderr)
	status, stdout, _ = nestbed(t, "reap", "--list", "--json")
	assert.Equal(t, 0, status)
	var hosts []private.Leftover
	require.NoError(t, json.Unmarshal([]byte(stdout), &hosts))
	for _, h := range hosts {
		assert.Regexp(t, `^/dev/shm/nestbed-`, h.Path)
	}
	status, stdout, stderr = nestbed(t, "reap", "nobody")
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Regexp(t, `^nestbed: host nobody: .*; nestbed reap --list shows the hosts\n$`, stderr)
}
