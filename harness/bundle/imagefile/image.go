// Package imagefile makes LXD images of about a megabyte, for scenarios about the files of an
// image and not about the LXD in it.
package imagefile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// An Image is the files of an LXD image, as LXD exports and imports them.
type Image struct {
	// Metadata is the tar with metadata.yaml. In a unified image it also holds the root
	// filesystem.
	Metadata []byte
	// RootFS is the root filesystem of a split image. It is nil for a unified one.
	RootFS []byte
}

// Unified reports whether the image is a single file.
func (i Image) Unified() bool { return i.RootFS == nil }

// Fingerprint returns the name that LXD must give the image: the SHA-256 of its files in order
// (LXD: doc/image-handling.md; lxd/images.go, getImgPostInfo).
func (i Image) Fingerprint() string {
	h := sha256.New()
	h.Write(i.Metadata)
	h.Write(i.RootFS)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Owners returns the owner of each file, as "uid:gid", by its path in the root filesystem. It
// fails unless the image is unified and compressed with gzip.
func (i Image) Owners() (map[string]string, error) {
	if !i.Unified() {
		return nil, errors.New("image: owners: it is split, expected unified")
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(i.Metadata))
	if err != nil {
		return nil, fmt.Errorf("image: owners: %w", err)
	}
	owners := map[string]string{}
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return owners, nil
		} else if err != nil {
			return nil, fmt.Errorf("image: owners: %w", err)
		}
		owners[path.Clean("/"+strings.TrimPrefix(h.Name, "rootfs"))] = fmt.Sprintf("%d:%d", h.Uid, h.Gid)
	}
}
