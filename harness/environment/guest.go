package environment

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Guest is set only in a virtual machine, to the value of Host where it was started.
const Guest = "NESTBED_GUEST"

// ForGuest returns a function that returns the environment of a virtual machine of a Debian suite
// whose budgets are multiplied by patience. It passes on the variables of nestbed that are set
// here, except those that name a place on this machine. It leaves out NESTBED_REQUIRE, because a
// guest cannot make Debian bundles without a network.
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
