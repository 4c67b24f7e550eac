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
	// For is the kind of run: private host, system host, bundle installed or bundle debian. It can
	// also be what single scenarios need, such as Btrfs.
	For string `json:"for"`
	// Name says what is needed, OK whether the machine has it, and Found what was seen.
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	// Mend is the suggested fix: a command or an instruction.
	Mend string `json:"mend,omitempty"`
	// Elsewhere is set if only some machines are meant to have it. Others need no fix.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Cause, if set, is the error from which a front end derives more of the fix.
	Cause error `json:"-"`
}

// lackError is a requirement that is not met.
type lackError struct {
	text  string
	cause error
}

func (e *lackError) Error() string { return e.text }
func (e *lackError) Unwrap() error { return e.cause }

// Err returns nil if the requirement is met. Otherwise it returns one line that says what is wrong
// and what to do.
func (r Requirement) Err() error {
	if r.OK {
		return nil
	}
	if r.Elsewhere {
		return fmt.Errorf("%s: %s: %s; it is about other machines", r.For, r.Name, r.Found)
	}
	return &lackError{fmt.Sprintf("%s: %s: %s; mend it with: %s", r.For, r.Name, r.Found, r.Mend), r.Cause}
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
		r.Mend, r.Cause = "", nil
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
	installed := Requirement{For: forInstalled, Name: "LXD", Mend: "apt-get install " + strings.Join(bundle.InstalledPackages(), " ")}
	switch source, why, err := bundle.Choose(); {
	case err != nil:
		installed.Found = "not installed"
	case source.Kind != bundle.Installed:
		installed.Found, installed.Mend = why, "use the bundle "+source.String()
	default:
		installed.Found, installed.OK = "installed", true
	}
	programs := Requirement{For: forInstalled, Name: "programs", Found: "all there", OK: true}
	if lacking := bundle.MissingPrograms(); len(lacking) > 0 {
		programs.OK, programs.Found = false, "no "+strings.Join(lacking, ", ")
	}
	programs.Mend = installed.Mend
	rs := []Requirement{installed, programs, mmdebstrap(store)}
	for i := range rs {
		if rs[i].OK {
			rs[i].Mend = ""
		}
	}
	return rs
}

// mmdebstrap checks for mmdebstrap, which fetches the packages for Debian bundles. It is not
// needed if the store has the packages, as in a virtual machine.
func mmdebstrap(store bundle.Store) Requirement {
	r := Requirement{For: forDebian, Name: "mmdebstrap", Found: "not installed", Mend: "apt-get install mmdebstrap"}
	if path, err := exec.LookPath("mmdebstrap"); err == nil {
		r.OK, r.Found, r.Mend = true, path, ""
	} else if fetched := store.Fetched(); len(fetched) > 0 {
		r.OK, r.Found, r.Mend = true, "not installed; the cache has "+strings.Join(fetched, ", "), ""
	}
	return r
}
