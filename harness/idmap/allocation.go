package idmap

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// Block is the number of ids that LXD requires for a container. LXD skips smaller
	// allocations (LXD: idmap/idmapset_linux.go, DefaultIdmapSet).
	Block = 65536

	// MaxID is the largest id; 4294967295 is (uid_t)-1 and means "no id".
	MaxID = 1<<32 - 2

	// Root is the owner of the allocations that LXD uses: the daemon runs as root and looks up
	// no other user (LXD: idmap/idmapset_linux.go, DefaultIdmapSet).
	Root = "root"
)

// An Allocation is one line of /etc/subuid or /etc/subgid (man 5 subuid): Owner may give its
// containers Count ids from Start on. Start is an id of the level to which the file belongs.
type Allocation struct {
	Owner string `json:"owner"`
	Start uint32 `json:"start"`
	Count uint32 `json:"count"`
}

// ParseAllocation parses owner:start:count, such as root:500000:196608. It refuses input that
// must be a mistake: an empty owner, a count of 0, or ids beyond MaxID. (LXD silently skips
// some of these.)
func ParseAllocation(text string) (Allocation, error) {
	wrong := func(why string) (Allocation, error) {
		return Allocation{}, fmt.Errorf("allocation %q: %s; write owner:start:count, such as root:500000:196608", text, why)
	}
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		return wrong(fmt.Sprintf("%d fields, expected 3", len(fields)))
	}
	if fields[0] == "" || strings.ContainsAny(fields[0], "# \t\r\n") {
		return wrong(fmt.Sprintf("the owner is %q, expected a user's name", fields[0]))
	}
	start, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return wrong(fmt.Sprintf("the start is %q, expected a number from 0 to %d", fields[1], uint32(MaxID)))
	}
	count, err := strconv.ParseUint(fields[2], 10, 32)
	if err != nil || count == 0 {
		return wrong(fmt.Sprintf("the count is %q, expected a number from 1 to %d", fields[2], uint32(MaxID+1)))
	}
	if last := start + count - 1; last > MaxID {
		return wrong(fmt.Sprintf("its last id would be %d, but ids end at %d", last, uint32(MaxID)))
	}
	return Allocation{Owner: fields[0], Start: uint32(start), Count: uint32(count)}, nil
}

// String returns the line as it stands in the file.
func (a Allocation) String() string {
	return fmt.Sprintf("%s:%d:%d", a.Owner, a.Start, a.Count)
}
