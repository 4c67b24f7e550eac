package vm

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"

	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
)

// The purposes of requirements.
const (
	forRun   = "virtual machine"
	forImage = "virtual machine image"
)

// minFree is the disk space that making an image takes, in bytes, including temporary files.
const minFree = 4 << 30

// Requirements returns what a virtual machine, and making its image, require of this machine.
// cache is as in Config.
func Requirements(cache string) []inventory.Requirement {
	rs := []inventory.Requirement{architecture(), programs(forRun, map[string]string{emulator: "qemu-system-x86"})}
	making := map[string]string{"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "tar": "tar"}
	if os.Geteuid() == 0 {
		return append(rs, programs(forImage, making), diskSpace(cache))
	}
	making["unshare"], making["newuidmap"] = "util-linux", "uidmap"
	return append(rs, programs(forImage, making), subIDs(), diskSpace(cache))
}

// checkRequirements returns the error of the first requirement of a kind that is not met.
func checkRequirements(kind, cache string) error {
	for _, r := range Requirements(cache) {
		if r.For == kind {
			if err := r.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func architecture() inventory.Requirement {
	r := inventory.Requirement{For: forRun, Name: "architecture", Found: runtime.GOARCH, OK: runtime.GOARCH == "amd64"}
	if !r.OK {
		r.Fix = "run the scenarios without a virtual machine; images exist for amd64 only"
	}
	return r
}

func programs(kind string, packages map[string]string) inventory.Requirement {
	r := inventory.Requirement{For: kind, Name: "programs", OK: true, Found: "all there"}
	var names, from []string
	for name, pkg := range packages {
		if _, err := findProgram(name); err != nil {
			names, from = append(names, name), append(from, pkg)
		}
	}
	if len(names) > 0 {
		r.OK, r.Found, r.Fix = false, "no "+strings.Join(names, ", "), "apt-get install "+strings.Join(from, " ")
	}
	return r
}

// subIDs checks for the subordinate ids that mmdebstrap requires of an account other than root
// (man 1 mmdebstrap, unshare mode).
func subIDs() inventory.Requirement {
	r := inventory.Requirement{For: forImage, Name: "subordinate ids"}
	me, err := user.Current()
	if err != nil {
		r.Found, r.Fix = err.Error(), "run it as an account that /etc/passwd knows"
		return r
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(file)
		if err != nil || !hasSubIDs(string(text), me.Username, me.Uid) {
			r.Found = fmt.Sprintf("%s has no line with 65536 ids for %s", file, me.Username)
			r.Fix = fmt.Sprintf("usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST %s, with 65536 unused ids", me.Username)
			return r
		}
	}
	r.OK, r.Found = true, "enough"
	return r
}

// hasSubIDs reports whether a line of a subid file gives an account at least idmap.Block ids,
// which a Debian needs.
func hasSubIDs(text, name, id string) bool {
	for line := range strings.Lines(text) {
		a, err := idmap.ParseAllocation(strings.TrimSpace(line))
		if err == nil && (a.Owner == name || a.Owner == id) && a.Count >= idmap.Block {
			return true
		}
	}
	return false
}

// diskSpace checks for the disk space that making an image takes.
func diskSpace(cache string) inventory.Requirement {
	r := inventory.Requirement{
		For: forImage, Name: "disk space", Cause: ErrCache,
		Fix: fmt.Sprintf("cache images in a directory that you own with %d MB free", minFree>>20),
	}
	dir, err := imageCache(cache)
	if err != nil {
		r.Found = err.Error()
		return r
	}
	return r.FreeSpace(dir, minFree)
}
