package harness

import (
	"fmt"
	"slices"
)

// A Subject is what a Check of package probe looks at in each level.
type Subject string

// The subjects.
const (
	IDMaps    Subject = "idmaps"       // uid and gid maps, inside and on the host, are the planned ones
	Processes Subject = "processes"    // init and a new process run under the planned host ids
	Files     Subject = "files"        // files made inside belong to the planned host ids
	Edges     Subject = "edges"        // the last id of the map can own a file, the next one cannot
	Sentinels Subject = "sentinel"     // the image's file still has its owner, ACL and capability
	Daemons   Subject = "LXD"          // the LXD inside answers, in the version of the bundle
	Privilege Subject = "unprivileged" // nothing is privileged
	Programs  Subject = "programs"     // /usr is that of the bundle, and read-only if the level above has it, too
)

// A Check is the result of looking at one thing. It holds if Got equals Wanted.
type Check struct {
	Subject Subject `json:"subject"`
	Level   int     `json:"level"`
	What    string  `json:"what"`
	Wanted  string  `json:"wanted"`
	Got     string  `json:"got"`
}

// OK reports whether the check holds.
func (c Check) OK() bool { return c.Wanted == c.Got }

func (c Check) String() string {
	return fmt.Sprintf("level %d: %s: wanted %s, got %s", c.Level, c.What, c.Wanted, c.Got)
}

// Failed returns the checks that do not hold.
func Failed(checks []Check) []Check {
	return slices.DeleteFunc(slices.Clone(checks), Check.OK)
}
