package relay

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/hashicorp/yamux"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
)

// Serve answers requests over conn until conn ends. The end of ctx ends attempts to connect to
// sockets.
func Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	if _, err := io.WriteString(conn, greeting()); err != nil {
		return err
	}
	session, err := yamux.Server(&frames{ReadWriteCloser: conn}, config())
	if err != nil {
		return err
	}
	defer session.Close()
	root, err := inroot.Open("/")
	if err != nil {
		return err
	}
	defer root.Close()
	var g sync.WaitGroup
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			_ = session.Close() // ends the remaining streams
			g.Wait()
			if errors.Is(err, io.EOF) || errors.Is(err, yamux.ErrSessionShutdown) {
				return nil
			}
			return err
		}
		g.Go(func() {
			defer stream.Close()
			serve(ctx, root, stream)
		})
	}
}

// serve answers the request of one stream. It ignores errors of writes: then nobody waits any
// more.
func serve(ctx context.Context, root *inroot.Root, stream *yamux.Stream) {
	request, err := readRequest(stream)
	if err != nil {
		_ = writeMessage(stream, failed(err))
		return
	}
	if request.Op == Dial {
		forward(ctx, root, stream, request)
		return
	}
	answer, content := look(root, request)
	if writeMessage(stream, answer) == nil {
		_, _ = stream.Write(content)
	}
}

// forward connects to a socket and copies bytes both ways until both sides have ended.
func forward(ctx context.Context, root *inroot.Root, stream *yamux.Stream, request Request) {
	conn, err := root.Dial(ctx, request.Path)
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
			_ = conn.Close() // the stream was aborted
		}
	})
	if _, err := copyLarge(stream, conn); err != nil {
		_ = conn.Close()
	}
	_ = stream.Close() // only the written direction
	g.Wait()
}

// copyLarge is io.Copy with larger pieces. It hides methods of its ends that would use smaller
// ones.
func copyLarge(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, pieceSize))
}

// pieceSize is the largest number of bytes copied at a time.
const pieceSize = 128 << 10

// look answers a request about a file. The content follows the answer.
func look(root *inroot.Root, r Request) (answer Answer, content []byte) {
	var err error
	switch r.Op {
	case Read:
		content, err = root.ReadFile(r.Path, r.Limit)
	case Stat:
		var stat unix.Stat_t
		stat, err = root.Lstat(r.Path)
		answer.Info = InfoOf(stat)
	case Readlink:
		answer.Text, err = root.Readlink(r.Path)
	case List:
		answer.Names, err = root.Names(r.Path)
	case Xattr:
		content, err = root.Xattr(r.Path, r.Name)
	}
	if err != nil {
		return failed(err), nil
	}
	answer.Size = int64(len(content))
	return answer, content
}

// InfoOf returns the Info of a file from its status.
func InfoOf(stat unix.Stat_t) Info {
	return Info{
		Mode: stat.Mode, UID: stat.Uid, GID: stat.Gid, Size: stat.Size, Seconds: stat.Mtim.Sec, Nanoseconds: stat.Mtim.Nsec,
	}
}
