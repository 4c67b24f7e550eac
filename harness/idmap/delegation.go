package idmap

import "strings"

// A File is /etc/subuid or /etc/subgid. The zero File is an empty file.
type File struct {
	Text    string `json:"text"`
	Missing bool   `json:"missing,omitempty"`
}

// NewFile returns a file with a line for each allocation.
func NewFile(allocations ...Allocation) File {
	var b strings.Builder
	for _, a := range allocations {
		b.WriteString(a.String() + "\n")
	}
	return File{Text: b.String()}
}

// String returns the lines joined with ", ", or "empty" or "missing".
func (f File) String() string {
	text := strings.TrimRight(f.Text, "\n")
	switch {
	case f.Missing:
		return "missing"
	case text == "":
		return "empty"
	}
	return strings.ReplaceAll(text, "\n", ", ")
}

// A Delegation is a level's /etc/subuid and /etc/subgid, which may differ. The zero Delegation
// is two empty files.
type Delegation struct {
	UID File `json:"uid"`
	GID File `json:"gid"`
}

// Delegate returns a delegation with the same allocations for uids and gids.
func Delegate(allocations ...Allocation) Delegation {
	f := NewFile(allocations...)
	return Delegation{UID: f, GID: f}
}

// String returns the delegation in one line, with separate uids and gids if they differ.
func (d Delegation) String() string {
	uid, gid := d.UID.String(), d.GID.String()
	if uid == gid {
		return uid
	}
	return "uid " + uid + ", gid " + gid
}

// Cascade returns the recipe of the article for a chain of the given depth, at least 1: the
// delegations of level 1, level 2, ... if every level keeps one block for its own users. The
// last level delegates nothing and is left out, so the result has depth-1 elements. The host
// must have Needed(depth) ids.
func Cascade(depth int) []Delegation {
	var down []Delegation
	for below := depth - 1; below >= 1; below-- {
		down = append(down, Delegate(Allocation{Owner: Root, Start: Block, Count: Needed(below)}))
	}
	return down
}

// Needed returns the number of host ids that a chain of the given depth, 0 to 65535, needs if
// every level keeps one block: 196608 for depth 3.
func Needed(depth int) uint32 { return uint32(depth) * Block }

// Remainder returns the delegations of a chain on a host with that many ids, if every level keeps
// one block and delegates all the rest, even if that is less than a block. The result ends
// before the first level that has nothing left to delegate.
func Remainder(ids uint32, depth int) []Delegation {
	var down []Delegation
	for level := 1; level < depth; level++ {
		kept := uint64(level) * Block
		if uint64(ids) <= kept {
			break
		}
		down = append(down, Delegate(Allocation{Owner: Root, Start: Block, Count: ids - uint32(kept)}))
	}
	return down
}
