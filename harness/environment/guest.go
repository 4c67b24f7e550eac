package environment

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Guest is set in a virtual machine only, to what Host was where that was asked for.
const Guest = "NESTBED_GUEST"

// ForGuest returns what is in the environment of a virtual machine of a Debian suite, where every budget is multiplied by patience: the
// variables of nestbed that are set here, but for those that name a place of this machine. NESTBED_REQUIRE is left out, because bundles of
// Debian cannot be made without a network.
func ForGuest(suite string) func(patience float64) []string {
	return func(patience float64) []string {
		var there []string
		for _, v := range os.Environ() {
			name, _, _ := strings.Cut(v, "=")
			if strings.HasPrefix(name, "NESTBED_") && !slices.Contains([]string{Host, Cache, State, Patience, Require}, name) {
				there = append(there, v)
			}
		}
		return append(there, Patience+"="+strconv.FormatFloat(patience, 'g', -1, 64), Guest+"=vm:debian:"+suite)
	}
}
