package relay

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// Op is what is asked of a relay.
type Op string

// The operations. Of a file the last name in its path is not followed if that is a symbolic link, but by Read and Dial.
const (
	Dial     Op = "dial"     // connect to the unix socket at the path
	Read     Op = "read"     // the content of a file
	Stat     Op = "stat"     // mode, owner, size and time of a file
	Readlink Op = "readlink" // where a symbolic link leads to
	List     Op = "list"     // the names in a directory
	Xattr    Op = "xattr"    // the value of a file's extended attribute
)

// Request is what a stream begins with. The path is absolute, in the level.
type Request struct {
	Op   Op     `json:"op"`
	Path string `json:"path"`
	// Name is that of an extended attribute (man 7 xattr).
	Name string `json:"name,omitempty"`
	// Limit is the largest size, in bytes, of a file that Read reads.
	Limit int64 `json:"limit,omitempty"`
}

// check refuses what no client of this package asks.
func (r Request) check() error {
	switch r.Op {
	case Dial, Read, Stat, Readlink, List:
		if r.Name != "" {
			return fmt.Errorf("request %s: name %q, expected none", r.Op, r.Name)
		}
	case Xattr:
		if r.Name == "" || strings.ContainsRune(r.Name, 0) {
			return fmt.Errorf("request %s: name %q, expected one of an extended attribute", r.Op, r.Name)
		}
	default:
		return fmt.Errorf("request %q: not known", r.Op)
	}
	if !path.IsAbs(r.Path) || path.Clean(r.Path) != r.Path || strings.ContainsRune(r.Path, 0) {
		return fmt.Errorf("request %s: path %q, expected an absolute one, as short as can be", r.Op, r.Path)
	}
	return nil
}

// Info is what Stat tells of a file, with ids as whoever looks sees them.
type Info struct {
	// Mode is st_mode of man 7 inode.
	Mode uint32 `json:"mode"`
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	Size int64  `json:"size"`
	// Seconds is when it was last written to, since 1970.
	Seconds     int64 `json:"seconds"`
	Nanoseconds int64 `json:"nanoseconds"`
}

// Answer is what a relay says to a request.
type Answer struct {
	// Errno is the kernel's error, Failure any other in words. Neither: it was done.
	Errno   syscall.Errno `json:"errno,omitempty"`
	Failure string        `json:"failure,omitempty"`
	Info    Info          `json:"info,omitzero"`
	Text    string        `json:"text,omitempty"`
	Names   []string      `json:"names,omitempty"`
	// Size is how many bytes of a file's content, or of a value, follow.
	Size int64 `json:"size,omitempty"`
}

// failed is the answer for an error.
func failed(err error) Answer {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return Answer{Errno: errno}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the client adds the path
	}
	return Answer{Failure: err.Error()}
}

// err is the error of an answer, as package os would have given it for the same operation on the machine.
func (a Answer) err(r Request) error {
	switch {
	case a.Errno != 0:
		return &fs.PathError{Op: string(r.Op), Path: r.Path, Err: a.Errno}
	case a.Failure != "":
		return &fs.PathError{Op: string(r.Op), Path: r.Path, Err: errors.New(a.Failure)}
	}
	return nil
}

// How long a message may be, and the value of an extended attribute. A path has 4096 bytes at most; the longest answer lists a directory such as /proc.
const (
	maxRequest = 64 << 10
	maxAnswer  = 16 << 20
	maxXattr   = 64 << 10 // the kernel's own (man 7 xattr)
)

// writeMessage writes a message behind its length, in one piece.
func writeMessage(w io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

// readMessage reads what writeMessage wrote, and takes no more than limit.
func readMessage(r io.Reader, message any, limit uint32) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > limit {
		return fmt.Errorf("message of %d bytes, expected %d at most", n, limit)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return noEOF(err)
	}
	return json.Unmarshal(text, message)
}

// readRequest reads the request that a stream begins with.
func readRequest(r io.Reader) (Request, error) {
	var request Request
	if err := readMessage(r, &request, maxRequest); err != nil {
		return Request{}, err
	}
	return request, request.check()
}

// noEOF is an end that comes too early.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
