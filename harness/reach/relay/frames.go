package relay

import (
	"encoding/binary"
	"io"
)

// A frame of yamux has a head of 12 bytes: version, type, flags, stream, and a length, which is that of a body for frames of
// data alone (yamux: spec.md, Framing).
const (
	headSize = 12
	typeAt   = 1
	lengthAt = 8
	dataType = 0
)

// frames writes every frame in one piece. yamux writes head and body by two calls, and through a chain of relays
// each call is a message of a websocket at every level, which the next one would take apart again.
type frames struct {
	io.ReadWriteCloser
	head []byte // of a frame whose body comes with the next call
	body int    // how long that is
}

// Write keeps a head until its body is there. yamux calls it from one goroutine.
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
