package inventory

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

// A Requirement is something that a kind of run needs of the machine.
type Requirement struct {
	// For is the kind of run: private host, existing host, bundle installed or bundle debian. It
	// can also be what single scenarios need, such as Btrfs.
	For string `json:"for"`
	// Name says what is needed, OK whether the machine has it, and Found what was seen.
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	// Fix is the suggested fix: a command or an instruction.
	Fix string `json:"fix,omitempty"`
	// Elsewhere is set if only some machines are meant to have it. Others need no fix.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Cause, if set, is the error from which a front end derives more of the fix.
	Cause error `json:"-"`
}

// unmetError is a requirement that is not met.
type unmetError struct {
	text  string
	cause error
}

func (e *unmetError) Error() string { return e.text }
func (e *unmetError) Unwrap() error { return e.cause }

// Err returns nil if the requirement is met. Otherwise it returns one line that says what is wrong
// and what to do.
func (r Requirement) Err() error {
	if r.OK {
		return nil
	}
	if r.Elsewhere {
		return fmt.Errorf("%s: %s: %s; this is for other machines or versions", r.For, r.Name, r.Found)
	}
	return &unmetError{fmt.Sprintf("%s: %s: %s; fix: %s", r.For, r.Name, r.Found, r.Fix), r.Cause}
}

// FreeSpace returns the requirement after checking that a directory has so many bytes free. The
// directory need not exist yet.
func (r Requirement) FreeSpace(dir string, least uint64) Requirement {
	var fs unix.Statfs_t
	dir, err := filepath.Abs(dir)
	for err == nil {
		if err = unix.Statfs(dir, &fs); !errors.Is(err, unix.ENOENT) || dir == "/" {
			break
		}
		dir, err = filepath.Dir(dir), nil // the missing directory will be made here
	}
	if err != nil {
		r.Found = fmt.Sprintf("%s: %v", dir, err)
	} else {
		free := fs.Bavail * uint64(fs.Bsize)
		r.OK, r.Found = free >= least, fmt.Sprintf("%d MB free on %s", free>>20, dir)
	}
	if r.OK {
		r.Fix, r.Cause = "", nil
	}
	return r
}

// The kinds of run that requirements are for.
const (
	forInstalled = "bundle installed"
	forDebian    = "bundle debian"
)

// Bundles returns the requirements of bundles that are made in the store.
func Bundles(store bundle.Store) []Requirement {
	installed := Requirement{For: forInstalled, Name: "LXD", Fix: "apt-get install " + strings.Join(bundle.InstalledPackages(), " ")}
	switch source, why, err := bundle.Choose(); {
	case err != nil:
		installed.Found = "not installed"
	case source.Kind != bundle.Installed:
		installed.Found, installed.Fix = why, "use the bundle "+source.String()
	default:
		installed.Found, installed.OK = "installed", true
	}
	programs := Requirement{For: forInstalled, Name: "programs", Found: "all there", OK: true}
	if missing := bundle.MissingPrograms(); len(missing) > 0 {
		programs.OK, programs.Found = false, "no "+strings.Join(missing, ", ")
	}
	programs.Fix = installed.Fix
	rs := []Requirement{installed, programs, mmdebstrap(store)}
	for i := range rs {
		if rs[i].OK {
			rs[i].Fix = ""
		}
	}
	return rs
}

// mmdebstrap checks for mmdebstrap, which fetches the packages for Debian bundles. It is not
// needed if the store has the packages, as in a virtual machine.
func mmdebstrap(store bundle.Store) Requirement {
	r := Requirement{For: forDebian, Name: "mmdebstrap", Found: "not installed", Fix: "apt-get install mmdebstrap"}
	if path, err := exec.LookPath("mmdebstrap"); err == nil {
		r.OK, r.Found, r.Fix = true, path, ""
	} else if fetched := store.Fetched(); len(fetched) > 0 {
		r.OK, r.Found, r.Fix = true, "not installed; the cache has "+strings.Join(fetched, ", "), ""
	}
	return r
}
