package idmap

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// Block is the number of ids that LXD demands for a container: a smaller
	// allocation is passed over (LXD: idmap/idmapset_linux.go, DefaultIdmapSet).
	Block = 65536

	// MaxID is the largest id; 4294967295 is (uid_t)-1 and stands for "no id".
	MaxID = 1<<32 - 2

	// Root is the owner whose allocations LXD reads: the daemon runs as root
	// and looks up nobody else (LXD: idmap/idmapset_linux.go, DefaultIdmapSet).
	Root = "root"
)

// Allocation is one line of /etc/subuid or /etc/subgid (man 5 subuid): Owner
// may give Count ids, from Start on, to the containers it makes. Start is an id
// of the level that the file stands on.
type Allocation struct {
	Owner string `json:"owner"`
	Start uint32 `json:"start"`
	Count uint32 `json:"count"`
}

// ParseAllocation reads owner:start:count, such as root:500000:196608. It
// refuses what a person cannot have meant: an empty owner, no ids at all, or
// ids beyond MaxID. (LXD itself passes over some of these in silence.)
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

// String is the line as it stands in the file.
func (a Allocation) String() string {
	return fmt.Sprintf("%s:%d:%d", a.Owner, a.Start, a.Count)
}
