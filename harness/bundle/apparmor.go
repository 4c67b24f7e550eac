package bundle

import (
	"os"
	"strings"
)

// AppArmor tells whether this machine's kernel has AppArmor in force. A bundle then has what LXD needs to make profiles: a LXD
// without leaves containers to those of liblxc, under which none of them can have another inside (liblxc:
// lsm/apparmor.c, apparmor_prepare).
func AppArmor() bool {
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.TrimSpace(string(enabled)) == "Y"
}

const (
	// apparmorPackage is Debian's package of apparmorParser and what that reads.
	apparmorPackage = "apparmor"
	apparmorParser  = "apparmor_parser"
)

// apparmorSupport is what LXD's profiles include, and the parser's configuration.
var apparmorSupport = []string{"/etc/apparmor", "/usr/share/apparmor-features", "/etc/apparmor.d/abi", "/etc/apparmor.d/abstractions", "/etc/apparmor.d/tunables"}

// withAppArmor adds to names what AppArmor asks for where it is in force.
func withAppArmor(names []string, name string) []string {
	if !AppArmor() {
		return names
	}
	return append(append([]string(nil), names...), name)
}
