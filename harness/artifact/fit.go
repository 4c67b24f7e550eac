package artifact

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Limit is what the files of one scenario take together, in bytes.
const Limit = 8 << 20

// File is one to be kept; its name may have directories in it.
type File struct {
	Name string
	Body []byte
}

// noteRoom is for the line that tells of a cut.
const noteRoom = 80

// Fit cuts files so that they take no more than limit together: the small ones stay whole, and the large ones share what these
// leave. Of a cut file stay its beginning and its end: in a log, the cause and where it led to.
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

// cut leaves out the middle of what is longer than room.
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
