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

// AppArmor reports whether AppArmor is enabled in this machine's kernel. Bundles made here then
// include the programs with which LXD makes profiles. Without them, LXD uses the profiles of
// liblxc, which allow no nested containers (liblxc: lsm/apparmor.c, apparmor_prepare).
func AppArmor() bool {
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.TrimSpace(string(enabled)) == "Y"
}

const (
	// apparmorPackage is Debian's package of these programs and of apparmorSupport.
	apparmorPackage = "apparmor"
	apparmorParser  = "apparmor_parser"
	// apparmorExec runs a helper under a profile: rsync in Debian 13's LXD, helpers in Incus 7.
	// Every LXD that finds it also uses it for the unpacker, even if it cannot load profiles, and
	// then fails: "aa-exec: ERROR: profile 'lxd_archive-...' does not exist" (LXD 5.0.2:
	// lxd/subprocess/proc.go, hasApparmor). The script leave-out therefore removes it if LXD must
	// not make profiles.
	apparmorExec = "aa-exec"
)

// apparmorSupport lists the files that LXD's profiles include and the configuration of the
// parser.
var apparmorSupport = []string{"/etc/apparmor", "/usr/share/apparmor-features", "/etc/apparmor.d/abi", "/etc/apparmor.d/abstractions", "/etc/apparmor.d/tunables"}

// MediatesUserNS reports whether this machine's kernel asks AppArmor about every new user
// namespace, as Linux can since 6.7.
func MediatesUserNS() bool {
	mask, err := os.ReadFile("/sys/kernel/security/apparmor/features/namespaces/mask")
	return err == nil && AppArmor() && bytes.Contains(mask, []byte("userns_create"))
}

// policyFeatures matches the line of the parser's configuration that names the file with the
// features that profiles mediate.
var policyFeatures = regexp.MustCompile(`(?m)^policy-features=(.*)$`)

// deniesUserNS reports whether the AppArmor profiles that the daemon makes deny user namespaces:
// no rule grants them, and the parser's features include them.
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

// read returns the content of a file of a root filesystem, or nil if the file does not exist.
func read(r *inroot.Root, name string) ([]byte, error) {
	text, err := r.ReadFile(name, inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// withAppArmor returns names, with more added if AppArmor is enabled.
func withAppArmor(names []string, more ...string) []string {
	if !AppArmor() {
		return names
	}
	return append(append([]string(nil), names...), more...)
}
