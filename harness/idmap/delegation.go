package idmap

import "strings"

// File is /etc/subuid or /etc/subgid: its text, or that there is none. The zero File is an empty one.
type File struct {
	Text    string `json:"text"`
	Missing bool   `json:"missing,omitempty"`
}

// NewFile is a file with a line for each allocation.
func NewFile(allocations ...Allocation) File {
	var b strings.Builder
	for _, a := range allocations {
		b.WriteString(a.String() + "\n")
	}
	return File{Text: b.String()}
}

// String tells the file in one line: its lines with a comma between them, "empty" or "missing".
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

// Delegation is what a level hands down: its /etc/subuid and its /etc/subgid,
// which may differ. The zero Delegation is two empty files.
type Delegation struct {
	UID File `json:"uid"`
	GID File `json:"gid"`
}

// Delegate hands down the same allocations for uids and gids.
func Delegate(allocations ...Allocation) Delegation {
	f := NewFile(allocations...)
	return Delegation{UID: f, GID: f}
}

// String names the delegation in one line: uids and gids apart where they differ.
func (d Delegation) String() string {
	uid, gid := d.UID.String(), d.GID.String()
	if uid == gid {
		return uid
	}
	return "uid " + uid + ", gid " + gid
}

// Cascade is the article's recipe for a chain of the given depth, at least 1:
// what level 1, level 2, ... hand down when every level keeps one block for its
// own users. The level at the bottom hands down nothing and is left out, so
// there are depth-1 of them, and the host must supply Needed(depth) ids.
func Cascade(depth int) []Delegation {
	var down []Delegation
	for below := depth - 1; below >= 1; below-- {
		down = append(down, Delegate(Allocation{Owner: Root, Start: Block, Count: Needed(below)}))
	}
	return down
}

// Needed is how many ids a chain of the given depth, 0 to 65535, takes from the
// host when every level keeps one block: 196608 for depth 3.
func Needed(depth int) uint32 { return uint32(depth) * Block }

// Remainder is what the levels hand down when the host gives supply ids, every
// level keeps one block, and hands down all that is left, too little as it may
// be. From the level that has nothing left on, nothing is handed down.
func Remainder(supply uint32, depth int) []Delegation {
	var down []Delegation
	for level := 1; level < depth; level++ {
		kept := uint64(level) * Block
		if uint64(supply) <= kept {
			break
		}
		down = append(down, Delegate(Allocation{Owner: Root, Start: Block, Count: supply - uint32(kept)}))
	}
	return down
}
