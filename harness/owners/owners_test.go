package owners_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"nestbed/harness/owners"
)

// A file of an archive.
type file struct {
	name     string
	uid, gid int
	content  []byte
	pax      map[string]string
}

func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Uid: f.uid, Gid: f.gid, Mode: 0o644, Size: int64(len(f.content)), PAXRecords: f.pax}))
		_, err := w.Write(f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// compressed returns the text by the name of the format.
func compressed(t testing.TB, format string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch format {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	default:
		return text
	}
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// The list is that of setfacl -m u:70000:r,g:80000:r, as tar writes it.
const acl = "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\x70\x11\x01\x00\x04\x00\x04\x00\xff\xff\xff\xff\x08\x00\x04\x00\x80\x38\x01\x00"

func TestTheOwnersOfAnImage(t *testing.T) {
	text := archive(t, file{name: "bin/sh"}, file{name: "home/me", uid: 1437673339, gid: 100}, file{name: "home/me/a", uid: 1437673339, gid: 100},
		file{name: "journal", pax: map[string]string{"SCHILY.xattr.system.posix_acl_access": acl}})
	for _, format := range []string{"plain", "gzip", "xz", "zstd"} {
		got, err := owners.Read(bytes.NewReader(compressed(t, format, text)))
		require.NoError(t, err, format)
		assert.Equal(t, owners.Image{Files: 4, Owners: []owners.Owner{
			{Kind: "uid", ID: 0, Files: 2, First: "bin/sh"},
			{Kind: "uid", ID: 70000, Files: 1, First: "journal"},
			{Kind: "uid", ID: 1437673339, Files: 2, First: "home/me"},
			{Kind: "gid", ID: 0, Files: 2, First: "bin/sh"},
			{Kind: "gid", ID: 100, Files: 2, First: "home/me"},
			{Kind: "gid", ID: 80000, Files: 1, First: "journal"},
		}}, got, format)
	}
}

func TestTheOwnersOfAnOCIArchiveAreThoseInItsLayers(t *testing.T) {
	digest := func(c string) string { return "blobs/sha256/" + strings.Repeat(c, 64) }
	text := archive(t,
		file{name: "oci-layout", uid: 501, content: []byte("{}")},
		file{name: digest("a"), uid: 501, content: []byte(`{"config": {}}` + strings.Repeat(" ", 600))},
		file{name: digest("b"), uid: 501, content: compressed(t, "gzip", archive(t, file{name: "etc/passwd"}))},
		file{name: digest("c"), uid: 501, content: compressed(t, "zstd", archive(t, file{name: "data", uid: 70000}))},
	)
	got, err := owners.Read(bytes.NewReader(text))
	require.NoError(t, err)
	assert.Equal(t, owners.Image{Files: 2, Owners: []owners.Owner{
		{Kind: "uid", ID: 0, Files: 1, First: "etc/passwd"}, {Kind: "uid", ID: 70000, Files: 1, First: "data"}, {Kind: "gid", ID: 0, Files: 2, First: "etc/passwd"},
	}}, got)

	saved := archive(t, file{name: "0123/layer.tar", content: archive(t, file{name: "data", uid: 5})})
	got, err = owners.Read(bytes.NewReader(saved))
	require.NoError(t, err)
	assert.Equal(t, 1, got.Files, "docker save")
}

func TestWhatIsNoArchiveIsAnError(t *testing.T) {
	for name, text := range map[string][]byte{"empty": nil, "text": []byte("root:500000:65536\n"), "gzip of text": compressed(t, "gzip", []byte("text"))} {
		_, err := owners.Read(bytes.NewReader(text))
		require.ErrorIs(t, err, owners.ErrFormat, name)
	}
	whole := archive(t, file{name: "a"}, file{name: "b", content: make([]byte, 2000)}, file{name: "c"})
	_, err := owners.Read(bytes.NewReader(whole[:1536+512]))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	damaged := compressed(t, "gzip", whole)
	damaged[len(damaged)-5] ^= 0xff // the sum
	_, err = owners.Read(bytes.NewReader(damaged))
	require.ErrorContains(t, err, "gzip: invalid checksum")
}

func FuzzRead(f *testing.F) {
	for _, format := range []string{"plain", "gzip", "xz", "zstd"} {
		f.Add(compressed(f, format, archive(f, file{name: "blobs/sha256/" + strings.Repeat("a", 64), content: archive(f, file{name: "a", uid: 1})})))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		image, err := owners.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, o := range image.Owners {
			if o.Files < 1 || o.Files > 3*image.Files {
				t.Fatalf("%+v of %d files", o, image.Files)
			}
		}
	})
}
