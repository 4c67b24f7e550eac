package artifact

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Limit bounds the files of one scenario together, in bytes.
const Limit = 8 << 20

// A File is a file to save. Its name may contain directories.
type File struct {
	Name string
	Body []byte
}

// noteRoom is the room for the line that says how much was cut.
const noteRoom = 80

// Fit cuts files so that they have at most limit bytes together. Small files stay whole, and large
// ones share the rest. A cut file keeps its beginning and its end: in a log, the cause and the
// effect.
func Fit(files []File, limit int) []File {
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(files[a].Body), len(files[b].Body)) })
	fitted := slices.Clone(files)
	left := limit
	for n, i := range order {
		share := left / (len(order) - n)
		fitted[i].Body = cut(files[i].Body, share)
		left -= len(fitted[i].Body)
	}
	return fitted
}

// cut leaves out the middle of a body that is longer than room.
func cut(body []byte, room int) []byte {
	if len(body) <= room {
		return body
	}
	if room < 2*noteRoom {
		return body[:room]
	}
	first := (room - noteRoom) / 2
	last := room - noteRoom - first
	note := fmt.Sprintf("\n[... %d bytes left out ...]\n", len(body)-first-last)
	return bytes.Join([][]byte{body[:first], body[len(body)-last:]}, []byte(note))
}
