package vm

import (
	"slices"
	"strings"
)

// HostEnv names where the scenarios run: "private", a host in namespaces of this machine, or what host.ParseTarget reads.
const HostEnv = "NESTBED_HOST"

// GuestEnv is set in a virtual machine only, to what HostEnv was where that was asked for.
const GuestEnv = "NESTBED_GUEST"

// environmentOf is what a program of this module finds in its environment in the guest, of the one here: the
// variables of its own, but for those that name a place of this machine or are set by Run; and what a machine without a network
// lacks, bundles of Debian's, is to be no failure there.
func environmentOf(here []string) []string {
	var there []string
	for _, v := range here {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "NESTBED_") && !slices.Contains([]string{HostEnv, "NESTBED_CACHE", "NESTBED_STATE", "NESTBED_PATIENCE", "NESTBED_REQUIRE"}, name) {
			there = append(there, v)
		}
	}
	return there
}
