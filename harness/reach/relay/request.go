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

// An Op is an operation of a relay.
type Op string

// The operations. Only Read and Dial follow a symlink at the end of the path.
const (
	Dial     Op = "dial"     // connect to the unix socket at the path
	Read     Op = "read"     // the content of a file
	Stat     Op = "stat"     // mode, owner, size and time of a file
	Readlink Op = "readlink" // the target of a symlink
	List     Op = "list"     // the names in a directory
	Xattr    Op = "xattr"    // the value of a file's extended attribute
)

// A Request begins a stream. Its path is absolute in the level.
type Request struct {
	Op   Op     `json:"op"`
	Path string `json:"path"`
	// Name is the name of an extended attribute (man 7 xattr).
	Name string `json:"name,omitempty"`
	// Limit is the largest size, in bytes, of a file that Read reads.
	Limit int64 `json:"limit,omitempty"`
}

// check returns an error for a request that no client of this package sends.
func (r Request) check() error {
	switch r.Op {
	case Dial, Read, Stat, Readlink, List:
		if r.Name != "" {
			return fmt.Errorf("request %s: name %q, expected none", r.Op, r.Name)
		}
	case Xattr:
		if r.Name == "" || strings.ContainsRune(r.Name, 0) {
			return fmt.Errorf("request %s: name %q, expected the name of an extended attribute", r.Op, r.Name)
		}
	default:
		return fmt.Errorf("request %q: unknown operation", r.Op)
	}
	if !path.IsAbs(r.Path) || path.Clean(r.Path) != r.Path || strings.ContainsRune(r.Path, 0) {
		return fmt.Errorf("request %s: path %q, expected a clean absolute path", r.Op, r.Path)
	}
	return nil
}

// Info is the result of Stat, with ids as the reader sees them.
type Info struct {
	// Mode is st_mode of man 7 inode.
	Mode uint32 `json:"mode"`
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	Size int64  `json:"size"`
	// Seconds and Nanoseconds are the time of the last write since 1970.
	Seconds     int64 `json:"seconds"`
	Nanoseconds int64 `json:"nanoseconds"`
}

// An Answer is the answer of a relay to a request.
type Answer struct {
	// Errno is an error of the kernel, Failure the text of any other error. Success has neither.
	Errno   syscall.Errno `json:"errno,omitempty"`
	Failure string        `json:"failure,omitempty"`
	Info    Info          `json:"info,omitzero"`
	Text    string        `json:"text,omitempty"`
	Names   []string      `json:"names,omitempty"`
	// Size is the number of bytes of content, or of a value, that follow.
	Size int64 `json:"size,omitempty"`
}

// failed returns the answer for an error.
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

// err returns the error of an answer, as package os returns it for the same operation.
func (a Answer) err(r Request) error {
	switch {
	case a.Errno != 0:
		return &fs.PathError{Op: string(r.Op), Path: r.Path, Err: a.Errno}
	case a.Failure != "":
		return &fs.PathError{Op: string(r.Op), Path: r.Path, Err: errors.New(a.Failure)}
	}
	return nil
}

// Limits of a message and of an extended attribute, in bytes. A path has at most 4096; the longest
// answer lists a directory such as /proc.
const (
	maxRequest = 64 << 10
	maxAnswer  = 16 << 20
	maxXattr   = 64 << 10 // the kernel's limit (man 7 xattr)
)

// writeMessage writes the length of a message and the message in one piece.
func writeMessage(w io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

// readMessage reads a message of writeMessage, of at most limit bytes.
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
		return unexpectedEOF(err)
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

// unexpectedEOF turns an end of the input into an unexpected one.
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
