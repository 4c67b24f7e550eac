package vm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// idleMachine returns a QEMU whose guest never runs, with this test at the host's end of the port.
func idleMachine(t *testing.T) *machine {
	t.Helper()
	if _, err := findProgram(emulator); err != nil {
		t.Skip(err)
	}
	ours, theirs, err := socketPair()
	require.NoError(t, err)
	defer theirs.Close()
	m := &machine{console: &console{}, port: ours}
	m.qemu, err = start(t.Context(), append(idle, "-chardev", "socket,id=port,fd=3"), m.console, theirs)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.close()) })
	return m
}

func quiet() Config {
	return Config{Stdout: io.Discard, Stderr: io.Discard, Progress: func(string) {}}
}

func TestAKilledQEMUIsTheEndOfTheRun(t *testing.T) {
	m := idleMachine(t)
	require.NoError(t, m.qemu.cmd.Process.Kill())
	_, err := m.follow(t.Context(), quiet(), Job{})
	require.EqualError(t, err, "virtual machine: the machine ended before its job did; its console: nothing")
}

func TestAMachineThatEndsDuringBootIsRetriedOnce(t *testing.T) {
	var machines []*machine
	var told []string
	_, err := bootWithRetry(t.Context(), func(what string) { told = append(told, what) }, func() (int, error) {
		m := idleMachine(t)
		machines = append(machines, m)
		require.NoError(t, m.qemu.cmd.Process.Kill())
		return m.follow(t.Context(), quiet(), Job{})
	})
	require.EqualError(t, err, "virtual machine: the machine ended before its job did; its console: nothing")
	assert.Len(t, machines, 2)
	assert.Equal(t, []string{"virtual machine: the machine ended before its job did; its console: nothing; booting again"}, told)

	tries := 0
	_, err = bootWithRetry(t.Context(), nil, func() (int, error) { tries++; return 0, errors.New("another") })
	require.EqualError(t, err, "another")
	assert.Equal(t, 1, tries, "a job that has started is not repeated")
}

func TestASilentGuestEndsTheRunAfterItsBudget(t *testing.T) {
	m := idleMachine(t)
	_, err := m.follow(wait.WithPatience(t.Context(), 0.01), quiet(), Job{})
	require.EqualError(t, err, "virtual machine: the guest did not start its job within 600ms; its console: nothing")
}

func TestAnInterruptedRunWaitsForItsJobWithinABudget(t *testing.T) {
	m := idleMachine(t)
	ctx, interrupt := context.WithCancelCause(wait.WithPatience(t.Context(), 0.01))
	interrupt(errors.New("somebody pressed Ctrl-C"))
	_, err := m.follow(ctx, quiet(), Job{})
	require.EqualError(t, err, "virtual machine: the guest did not end its job within 300ms; its console: nothing")
}

func TestMissingProgramsAreNamedWithTheirPackages(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	_, err := Run(t.Context(), Config{Cache: cache, Suite: host.DefaultVMSuite}, Job{})
	require.ErrorContains(t, err, "no qemu-system-x86_64")
	require.ErrorContains(t, err, "apt-get install qemu-system-x86")
	_, err = MakeImage(t.Context(), cache, host.DefaultVMSuite, nil)
	require.ErrorContains(t, err, "mmdebstrap")
	require.ErrorContains(t, err, "apt-get install ")
	assertNoImage(t, cache)
}

// assertNoImage fails if the cache has an image or a part of one.
func assertNoImage(t *testing.T, cache string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "vm", "*"))
	require.NoError(t, err)
	for _, path := range found {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.False(t, info.IsDir(), "%s is left", path)
	}
}

func TestAFailedImageLeavesNothing(t *testing.T) {
	cache := t.TempDir()
	if err := checkRequirements(forImage, cache); err != nil {
		t.Skip(err)
	}
	_, err := MakeImage(t.Context(), cache, "no-such-suite", nil)
	require.ErrorContains(t, err, "image of no-such-suite: mmdebstrap: ")
	assertNoImage(t, cache)

	ctx, stop := context.WithCancel(t.Context())
	_, err = MakeImage(ctx, cache, host.DefaultVMSuite, func(string) { stop() })
	require.ErrorIs(t, err, context.Canceled)
	assertNoImage(t, cache)
}
