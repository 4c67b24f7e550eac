// Package advice says what users can do about an error, with the flags, commands and variables of
// the program. Other packages do not know these. Their errors say what failed and why, and name
// no flag. Code that shows errors to people (the command, the steps, harnesstest) adds the
// advice.
package advice

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness"
	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/keyring"
	"nestbed/harness/report"
	"nestbed/harness/vm"
)

// On appends the advice to an error. It returns the error as it is if there is none, or if it is
// already there.
func On(err error) error {
	if _, has := errors.AsType[*advisedError](err); has {
		return err
	}
	if text := For(err); text != "" {
		return &advisedError{err, text}
	}
	return err
}

type advisedError struct {
	error
	advice string
}

func (e *advisedError) Error() string { return e.error.Error() + e.advice }
func (e *advisedError) Unwrap() error { return e.error }

// OnAll appends the advice to the suggested fix of each requirement that is not met.
func OnAll(rs []inventory.Requirement) []inventory.Requirement {
	rs = slices.Clone(rs)
	for i := range rs {
		rs[i].Fix += For(rs[i].Cause)
	}
	return rs
}

// For returns the advice on an error, to append to its text, or "".
func For(err error) string {
	if left, is := errors.AsType[*existing.LeftError](err); is {
		at := host.Target{System: true, Address: left.LXD}
		return fmt.Sprintf("; to clean up later, run nestbed reap --host %s %s", at, strings.Join(left.Projects, " "))
	}
	if made, is := errors.AsType[*bundle.NotMadeError](err); is {
		return fmt.Sprintf(": run once, as root or with sudo, nestbed up --depth 1 --bundle %s", made.Source)
	}
	if level, is := errors.AsType[*harness.LevelError](err); is {
		return forReason(level.Reason)
	}
	if chain, is := errors.AsType[*report.StopError](err); is {
		return forReason(chain.Reason)
	}
	for _, known := range []struct {
		err  error
		text string
	}{
		{existing.ErrNotListening, ", or name its socket: --host system:SOCKET"},
		{existing.ErrMakePool, ", with --pool or NESTBED_POOL"},
		{existing.ErrUntrusted, howToTrust},
		{keyring.ErrNotPinned, howToTrust},
		{keyring.ErrExpired, ", then: nestbed trust TOKEN"},
		{keyring.ErrOtherCertificate, ": nestbed trust TOKEN"},
		{private.ErrUnknown, "; nestbed reap --list shows the hosts"},
		{private.ErrEnded, "; nestbed reap removes what it left"},
		{private.ErrNoneKept, "; nestbed up --keep makes one, and NESTBED_KEEP=1 before go test keeps the host of a failed scenario"},
		{private.ErrNoSpace, ", by NESTBED_STATE or --state"},
		{private.ErrStateRoot, ", by NESTBED_STATE"},
		{bundle.ErrCache, ", by NESTBED_CACHE"},
		{vm.ErrCache, ", by NESTBED_CACHE"},
		{keyring.ErrNoDir, ", by NESTBED_KEYRING"},
		{artifact.ErrDir, ", by NESTBED_ARTIFACTS"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return ""
}

const howToTrust = "; there: lxc config trust add --name nestbed, and here, with the printed token: nestbed trust TOKEN"

// forReason returns the advice on a chain that stopped for a reason in the machine and not in the
// ids.
func forReason(why idmap.Reason) string {
	switch why {
	case idmap.DiskFull:
		return "; free some space, or set NESTBED_STATE (or --state) to a directory with 100 MB for each level"
	case idmap.UserNSDenied:
		return "; nestbed doctor shows what forbids user namespaces"
	case idmap.ShadowRefused:
		return "; let subuid and subgid grant root the ids that LXD picks, or remove newuidmap and newgidmap"
	}
	return ""
}
