// Package owners lists the ids that own the files of an image, so that they can be compared with
// those of a level. It reads tar archives, such as a root filesystem or LXD's unified image, and
// OCI archives, whose layers are tar archives. All may be compressed with gzip, xz or zstd.
package owners

import (
	"archive/tar"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
)

// Limits on what is read: an image is untrusted input.
const (
	sizeLimit = 1 << 38 // bytes, after decompression
	idLimit   = 1 << 20 // different ids
)

// An Owner is a uid or gid that owns files, or that access control lists of files name.
type Owner struct {
	Kind  string `json:"kind"` // uid or gid
	ID    uint64 `json:"id"`
	Files int    `json:"files"`
	First string `json:"first"` // the path of the first of them
}

// An Image has the owners of the files of an image.
type Image struct {
	Files int `json:"files"`
	// Owners begin with the uids. They are sorted by id.
	Owners []Owner `json:"owners"`
}

// ErrFormat is the error for a file that is no tar archive.
var ErrFormat = errors.New("it is no tar archive, also not one compressed with gzip, xz or zstd")

// layerName matches the names of layers in archives of OCI and of docker save. Files with the first
// pattern may also be configurations (OCI image-spec: image-layout.md).
var layerName = regexp.MustCompile(`^(\./)?blobs/sha256/[0-9a-f]{64}$|(^|/)layer\.tar$`)

// Read reads an image. It fails if the archive is damaged, or too large.
func Read(r io.Reader) (Image, error) {
	outer, layers := &counter{}, &counter{}
	err := readArchive(r, func(h *tar.Header, content io.Reader) error {
		if h.Typeflag != tar.TypeReg || !layerName.MatchString(h.Name) {
			return outer.add(h)
		}
		err := readArchive(content, func(h *tar.Header, _ io.Reader) error { return layers.add(h) })
		if errors.Is(err, ErrFormat) { // a configuration
			err = nil
		}
		return err
	})
	if err != nil {
		return Image{}, err
	}
	if layers.image.Files > 0 { // the owners of the archives themselves do not matter
		return layers.result(), nil
	}
	return outer.result(), nil
}

// readArchive calls each for every file of an archive.
func readArchive(r io.Reader, each func(h *tar.Header, content io.Reader) error) error {
	plain, err := decompressed(r)
	if err != nil {
		return err
	}
	defer plain.Close()
	limited := &io.LimitedReader{R: plain, N: sizeLimit}
	archive := tar.NewReader(limited)
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case limited.N <= 0:
			return fmt.Errorf("it has more than %d bytes", int64(sizeLimit))
		case errors.Is(err, io.EOF) && n > 0:
			_, err := io.Copy(io.Discard, limited) // the sum of the compression comes last
			return err
		case err != nil && n == 0:
			return ErrFormat
		case err != nil:
			return err
		}
		if err := each(h, archive); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// A counter counts files by owner.
type counter struct {
	image Image
	seen  map[string]map[uint64]*Owner
}

func (c *counter) add(h *tar.Header) error {
	c.image.Files++
	uids, gids := []uint64{uint64(h.Uid)}, []uint64{uint64(h.Gid)}
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		u, g := named([]byte(h.PAXRecords["SCHILY.xattr."+name]))
		uids, gids = append(uids, u...), append(gids, g...)
	}
	for _, of := range []struct {
		kind string
		ids  []uint64
	}{{"uid", uids}, {"gid", gids}} {
		slices.Sort(of.ids)
		for _, id := range slices.Compact(of.ids) {
			if err := c.count(of.kind, id, h.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *counter) count(kind string, id uint64, path string) error {
	if c.seen == nil {
		c.seen = map[string]map[uint64]*Owner{"uid": {}, "gid": {}}
	}
	owner := c.seen[kind][id]
	if owner == nil {
		if len(c.seen[kind]) >= idLimit {
			return fmt.Errorf("more than %d different %ss", idLimit, kind)
		}
		owner = &Owner{Kind: kind, ID: id, First: path}
		c.seen[kind][id] = owner
	}
	owner.Files++
	return nil
}

func (c *counter) result() Image {
	c.image.Owners = []Owner{}
	for _, kind := range []string{"uid", "gid"} {
		var all []Owner
		for _, owner := range c.seen[kind] {
			all = append(all, *owner)
		}
		slices.SortFunc(all, func(a, b Owner) int { return cmp.Compare(a.ID, b.ID) })
		c.image.Owners = append(c.image.Owners, all...)
	}
	return c.image
}

// The tags of entries that name a user or a group (linux/posix_acl.h).
const (
	aclUser  = 0x02
	aclGroup = 0x08
)

// named returns the users and groups that an access control list names. Its value is a version, and
// a tag, permissions and an id for each entry (linux/posix_acl_xattr.h).
func named(acl []byte) (uids, gids []uint64) {
	for i := 4; i+8 <= len(acl); i += 8 {
		id := uint64(binary.LittleEndian.Uint32(acl[i+4:]))
		switch binary.LittleEndian.Uint16(acl[i:]) {
		case aclUser:
			uids = append(uids, id)
		case aclGroup:
			gids = append(gids, id)
		}
	}
	return uids, gids
}
