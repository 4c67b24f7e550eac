package relay

import (
	"encoding/binary"
	"io"
)

// A frame of yamux has a header of 12 bytes: version, type, flags, stream and length. The
// length is that of a body only in frames of data (yamux: spec.md, Framing).
const (
	headSize = 12
	typeAt   = 1
	lengthAt = 8
	dataType = 0
)

// frames writes every frame in one piece. yamux writes header and body with two calls. In a chain
// of relays, each call becomes a message of a websocket at every level, which the next level would
// split again.
type frames struct {
	io.ReadWriteCloser
	head []byte // header of a frame whose body comes with the next call
	body int    // length of that body
}

// Write holds a header back until its body comes. yamux calls it from one goroutine.
func (f *frames) Write(p []byte) (int, error) {
	if f.body == 0 && len(p) == headSize && p[typeAt] == dataType {
		if f.body = int(binary.BigEndian.Uint32(p[lengthAt:])); f.body > 0 {
			f.head = append(f.head[:0], p...)
			return len(p), nil
		}
	}
	if f.body == 0 {
		return f.ReadWriteCloser.Write(p)
	}
	f.head, f.body = append(f.head, p...), 0
	n, err := f.ReadWriteCloser.Write(f.head)
	return max(0, n-headSize), err
}
