package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestInvalidRequestsAreRefused(t *testing.T) {
	for want, r := range map[string]Request{
		`request "burn": unknown operation`:                                           {Op: "burn", Path: "/etc"},
		`request "": unknown operation`:                                               {Path: "/etc"},
		`request read: path "etc", expected a clean absolute path`:                    {Op: Read, Path: "etc"},
		`request read: path "", expected a clean absolute path`:                       {Op: Read},
		`request read: path "/etc/../root", expected a clean absolute path`:           {Op: Read, Path: "/etc/../root"},
		`request stat: path "/etc/", expected a clean absolute path`:                  {Op: Stat, Path: "/etc/"},
		`request dial: path "/a\x00b", expected a clean absolute path`:                {Op: Dial, Path: "/a\x00b"},
		`request read: name "user.a", expected none`:                                  {Op: Read, Path: "/etc", Name: "user.a"},
		`request xattr: name "", expected the name of an extended attribute`:          {Op: Xattr, Path: "/etc"},
		`request xattr: name "user.\x00", expected the name of an extended attribute`: {Op: Xattr, Path: "/etc", Name: "user.\x00"},
		`request list: path "/proc//1", expected a clean absolute path`:               {Op: List, Path: "/proc//1"},
		`request readlink: path "/a/./b", expected a clean absolute path`:             {Op: Readlink, Path: "/a/./b"},
		`request readlink: path "@socket", expected a clean absolute path`:            {Op: Readlink, Path: "@socket"},
		`request xattr: path "../etc", expected a clean absolute path`:                {Op: Xattr, Path: "../etc", Name: "user.a"},
		`request "Read": unknown operation`:                                           {Op: "Read", Path: "/etc"},
		`request dial: path "unix.socket", expected a clean absolute path`:            {Op: Dial, Path: "unix.socket"},
		`request dial: name "trusted.x", expected none`:                               {Op: Dial, Path: "/run/s", Name: "trusted.x"},
		`request list: path "/proc/\x00", expected a clean absolute path`:             {Op: List, Path: "/proc/\x00"},
	} {
		var b bytes.Buffer
		require.NoError(t, writeMessage(&b, r))
		_, err := readRequest(&b)
		require.EqualError(t, err, want)
	}
}

func TestOneMessageIsReadAndNothingAfterIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Answer{
			Errno: syscall.Errno(rapid.IntRange(0, 133).Draw(t, "errno")), Failure: rapid.String().Draw(t, "failure"), Text: rapid.String().Draw(t, "text"),
			Names: rapid.SliceOfN(rapid.String(), 1, 20).Draw(t, "names"), Size: rapid.Int64().Draw(t, "size"),
			Info: Info{Mode: rapid.Uint32().Draw(t, "mode"), UID: rapid.Uint32().Draw(t, "uid"), Seconds: rapid.Int64().Draw(t, "seconds")},
		}
		var b bytes.Buffer
		require.NoError(t, writeMessage(&b, want))
		length := b.Len()
		b.WriteString("behind")
		var got Answer
		require.NoError(t, readMessage(&b, &got, maxAnswer))
		assert.Equal(t, want, got)
		assert.Equal(t, "behind", b.String())

		cut := rapid.IntRange(0, length-1).Draw(t, "cut")
		b.Reset()
		require.NoError(t, writeMessage(&b, want))
		b.Truncate(cut)
		err := readMessage(&b, &got, maxAnswer)
		if cut == 0 {
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
	})
}

func TestAMessageThatIsTooLongIsRefused(t *testing.T) {
	in := bytes.NewReader(binary.BigEndian.AppendUint32(nil, maxRequest+1))
	_, err := readRequest(in)
	require.EqualError(t, err, "message of 65537 bytes, expected 65536 at most")
}

func TestAnAnswerHasTheErrorOfPackageOS(t *testing.T) {
	r := Request{Op: Read, Path: "/etc/nosuch"}
	for want, err := range map[string]error{
		"read /etc/nosuch: no such file or directory": &fs.PathError{Op: "open", Path: "/etc/nosuch", Err: syscall.ENOENT},
		"read /etc/nosuch: no data available":         syscall.ENODATA,
		"read /etc/nosuch: in words":                  errors.New("in words"),
	} {
		require.EqualError(t, failed(err).err(r), want)
	}
	require.ErrorIs(t, failed(syscall.ENOENT).err(r), fs.ErrNotExist)
	require.ErrorIs(t, failed(syscall.EACCES).err(r), fs.ErrPermission)
	require.NoError(t, Answer{}.err(r))
}

// FuzzRequest gives a relay random bytes. A request that it accepts must be one that a client
// could send.
func FuzzRequest(f *testing.F) {
	for _, r := range []Request{{Op: Dial, Path: "/run/socket"}, {Op: Xattr, Path: "/f", Name: "user.x"}, {Op: "no", Path: ""}} {
		var b bytes.Buffer
		require.NoError(f, writeMessage(&b, r))
		f.Add(b.Bytes())
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 2, '{'})
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := readRequest(bytes.NewReader(text))
		if err != nil {
			return
		}
		require.NoError(t, r.check())
		var b bytes.Buffer
		require.NoError(t, writeMessage(&b, r))
		again, err := readRequest(&b)
		require.NoError(t, err)
		assert.Equal(t, r, again)
	})
}

func TestTakeGetsNoMoreThanItWasAsked(t *testing.T) {
	for _, kind := range []string{Keys, Inotify, Signals} {
		n, err := Take(kind, 2)
		require.NoError(t, err, kind)
		assert.Equal(t, 2, n, kind)
	}
	_, err := Take("files", 1)
	require.EqualError(t, err, "files: not known; use keys, inotify or signals")
}
