package vm

import (
	"slices"
	"strings"
)

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
