package bundle

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
)

// AppArmor tells whether this machine's kernel has AppArmor in force. A bundle then has what LXD needs to make profiles: a LXD
// without leaves containers to those of liblxc, under which none of them can have another inside (liblxc:
// lsm/apparmor.c, apparmor_prepare).
func AppArmor() bool {
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.TrimSpace(string(enabled)) == "Y"
}

const (
	// apparmorPackage is Debian's package of these programs and what the parser reads.
	apparmorPackage = "apparmor"
	apparmorParser  = "apparmor_parser"
	// apparmorExec starts what unpacks and copies in a profile: Incus 7's, Debian 13's LXD for rsync, and any LXD that finds it for
	// the unpacker, also where it can load no profiles: "aa-exec: ERROR: profile 'lxd_archive-...' does not exist" (LXD 5.0.2:
	// lxd/subprocess/proc.go, hasApparmor). So whoever starts a LXD that is told to make none takes it away.
	apparmorExec = "aa-exec"
)

// apparmorSupport is what LXD's profiles include, and the parser's configuration.
var apparmorSupport = []string{"/etc/apparmor", "/usr/share/apparmor-features", "/etc/apparmor.d/abi", "/etc/apparmor.d/abstractions", "/etc/apparmor.d/tunables"}

// MediatesUserNS tells whether this machine's kernel asks AppArmor about every user namespace, as since 6.7.
func MediatesUserNS() bool {
	mask, err := os.ReadFile("/sys/kernel/security/apparmor/features/namespaces/mask")
	return err == nil && AppArmor() && bytes.Contains(mask, []byte("userns_create"))
}

// policyFeatures is the line of the parser's configuration that names a file with what profiles decide about.
var policyFeatures = regexp.MustCompile(`(?m)^policy-features=(.*)$`)

// deniesUserNS reports whether the AppArmor profiles that a daemon makes deny user namespaces: they have no rule that
// grants them, and the parser's configuration says that profiles decide.
func deniesUserNS(r *inroot.Root, program string) (bool, error) {
	text, err := r.ReadFile(program, programLimit)
	if err != nil || bytes.Contains(text, []byte(idmap.UserNSRule)) {
		return false, err
	}
	config, err := read(r, "/etc/apparmor/parser.conf")
	if err != nil {
		return false, err
	}
	named := policyFeatures.FindSubmatch(config)
	if named == nil {
		return false, nil
	}
	features, err := read(r, string(named[1]))
	return bytes.Contains(features, []byte("userns_create")), err
}

// read reads a file of a root filesystem. It returns nil if there is none.
func read(r *inroot.Root, name string) ([]byte, error) {
	text, err := r.ReadFile(name, inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// withAppArmor adds to names what AppArmor asks for where it is in force.
func withAppArmor(names []string, more ...string) []string {
	if !AppArmor() {
		return names
	}
	return append(append([]string(nil), names...), more...)
}
