package advice_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/advice"
	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/report"
)

func TestAnErrorGetsItsAdviceOnceAndAtItsEnd(t *testing.T) {
	known := fmt.Errorf("shell: host x: %w: not found", private.ErrUnknown)
	err := advice.On(known)
	require.EqualError(t, err, "shell: host x: no journal of nestbed: not found; nestbed reap --list shows the hosts")
	require.ErrorIs(t, err, private.ErrUnknown)
	assert.Equal(t, err, advice.On(err))
	wrapped := fmt.Errorf("again: %w", err)
	assert.Equal(t, wrapped, advice.On(wrapped))

	unknown := errors.New("anything")
	assert.Equal(t, unknown, advice.On(unknown))
	assert.NoError(t, advice.On(nil))
}

func TestLeftoversAreShownWithTheCommandThatRemovesThem(t *testing.T) {
	for address, host := range map[string]string{"/run/lxd.socket": "system:/run/lxd.socket", "https://lab:8443": "https://lab:8443"} {
		left := &existing.LeftError{LXD: address, Projects: []string{"a", "b"}}
		assert.Equal(t, "; to clean up later, run nestbed reap --host "+host+" a b", advice.For(left))
		left.Err = errors.New("it does not answer")
		assert.EqualError(t, advice.On(left), "it does not answer; left there: a b; to clean up later, run nestbed reap --host "+host+" a b")
	}
}

func TestABundleThatRootMustMakeIsNamed(t *testing.T) {
	err := &bundle.NotMadeError{Source: bundle.Source{Kind: bundle.Debian, Arg: "trixie"}, Dir: "/c"}
	assert.EqualError(t, advice.On(err), "bundle debian:trixie: /c has none for the files that this machine has now; only root can make one, "+
		"because its files have several owners: run once, as root or with sudo, nestbed up --depth 1 --bundle debian:trixie")
}

func TestARequirementIsShownWithItsAdvice(t *testing.T) {
	unmet := inventory.Requirement{For: "existing host", Name: "LXD", Found: "none", Fix: "start it", Cause: existing.ErrNotListening}
	met := inventory.Requirement{For: "existing host", Name: "LXD", OK: true, Found: "there"}
	const fix = "start it, or name its socket: --host system:SOCKET"
	require.ErrorContains(t, advice.On(unmet.Err()), fix)
	all := advice.OnAll([]inventory.Requirement{unmet, met})
	assert.Equal(t, fix, all[0].Fix)
	assert.Equal(t, met, all[1])
}

func TestReasonsInTheMachineAreShownWithAdvice(t *testing.T) {
	advised := map[idmap.Reason]bool{}
	for _, reason := range idmap.Reasons() {
		stop := idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: reason}
		text := advice.For(&harness.LevelError{Stop: stop, Err: errors.New("exit status 1")})
		assert.Equal(t, text, advice.For(report.Result{Stop: &stop}.Failure()), reason)
		assert.NotContains(t, text, "\n")
		advised[reason] = text != ""
	}
	for _, reason := range []idmap.Reason{idmap.DiskFull, idmap.UserNSDenied, idmap.ShadowRefused} {
		assert.True(t, advised[reason], reason)
	}
	for _, reason := range []idmap.Reason{idmap.NoAllocation, idmap.OutsideParent, idmap.DepthLimit, idmap.Unclassified} {
		assert.False(t, advised[reason], reason)
	}
}

func TestADirectoryThatCannotBeUsedIsNamedByItsVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	inFile := filepath.Join(file, "dir") // not even root can make a directory in a file
	_, err := artifact.Dir(inFile).Save("scenario", nil)
	require.ErrorContains(t, advice.On(err), "; name another directory for them, by NESTBED_ARTIFACTS")
	if os.Geteuid() != 0 {
		return // only root makes bundles and private hosts
	}
	_, err = bundle.Store{Dir: inFile}.Make(t.Context(), bundle.Source{Kind: bundle.Debian, Arg: "trixie"})
	require.ErrorContains(t, advice.On(err), "; name a writable directory for it, by NESTBED_CACHE")
	_, err = private.Start(t.Context(), private.Config{Bundle: &bundle.Bundle{}, StateRoot: private.StateRoot{Dir: inFile}})
	require.ErrorContains(t, advice.On(err), "; name a directory that can be written, by NESTBED_STATE")
}
