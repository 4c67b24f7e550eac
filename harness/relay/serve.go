package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/hashicorp/yamux"
	"golang.org/x/sys/unix"
)

// Serve answers what is asked over a connection, until that ends.
func Serve(conn io.ReadWriteCloser) error {
	if _, err := io.WriteString(conn, greeting()); err != nil {
		return err
	}
	session, err := yamux.Server(&frames{ReadWriteCloser: conn}, config())
	if err != nil {
		return err
	}
	defer session.Close()
	var g sync.WaitGroup
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			_ = session.Close() // which ends what still goes on
			g.Wait()
			if errors.Is(err, io.EOF) || errors.Is(err, yamux.ErrSessionShutdown) {
				return nil
			}
			return err
		}
		g.Go(func() {
			defer stream.Close()
			serve(stream)
		})
	}
}

// serve answers the request of one stream. What cannot be written nobody waits for any more.
func serve(stream *yamux.Stream) {
	request, err := readRequest(stream)
	if err != nil {
		_ = writeMessage(stream, failed(err))
		return
	}
	if request.Op == Dial {
		carry(stream, request)
		return
	}
	answer, content := look(request)
	if writeMessage(stream, answer) == nil {
		_, _ = stream.Write(content)
	}
}

// carry connects to a socket, and carries bytes to and fro until both sides have ended.
func carry(stream *yamux.Stream, request Request) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: request.Path, Net: "unix"})
	if err != nil {
		_ = writeMessage(stream, failed(err))
		return
	}
	defer conn.Close()
	if writeMessage(stream, Answer{}) != nil {
		return
	}
	var g sync.WaitGroup
	g.Go(func() {
		if _, err := copyLarge(conn, stream); err == nil {
			_ = conn.CloseWrite()
		} else {
			_ = conn.Close() // the stream was broken off
		}
	})
	if _, err := copyLarge(stream, conn); err != nil {
		_ = conn.Close()
	}
	_ = stream.Close() // this half of it
	g.Wait()
}

// copyLarge is io.Copy in larger pieces, whatever its ends would choose.
func copyLarge(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, pieceSize))
}

// pieceSize is how many bytes are carried at a time, at most.
const pieceSize = 128 << 10

// look answers a question about a file. content follows the answer.
func look(r Request) (answer Answer, content []byte) {
	var err error
	switch r.Op {
	case Read:
		content, err = os.ReadFile(r.Path)
	case Stat:
		answer.Info, err = InfoOf(r.Path)
	case Readlink:
		answer.Text, err = os.Readlink(r.Path)
	case List:
		answer.Names, err = Names(r.Path)
	case Xattr:
		content, err = XattrOf(r.Path, r.Name)
	}
	if err != nil {
		return failed(err), nil
	}
	answer.Size = int64(len(content))
	return answer, content
}

// InfoOf tells of a file, which is not followed if it is a symbolic link.
func InfoOf(path string) (Info, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return Info{}, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return Info{
		Mode: stat.Mode, UID: stat.Uid, GID: stat.Gid, Size: stat.Size, Seconds: stat.Mtim.Sec, Nanoseconds: stat.Mtim.Nsec,
	}, nil
}

// Names are the names in a directory.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// XattrOf is the value of an extended attribute of a file, which is not followed if it is a symbolic link.
func XattrOf(path, name string) ([]byte, error) {
	n, err := unix.Lgetxattr(path, name, nil)
	if err != nil {
		return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
	}
	// Just as much as there is: Linux 6.0 and 6.1 translate the ids of an access control list on an idmapped mount only for some
	// sizes of the reader's buffer, for which they take that of the list (fs/xattr.c, vfs_getxattr; fs/posix_acl.c).
	value := make([]byte, n)
	if n, err = unix.Lgetxattr(path, name, value); err != nil {
		return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
	}
	return value[:n], nil
}
