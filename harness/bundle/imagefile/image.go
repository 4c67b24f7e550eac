// Package imagefile makes LXD images of a megabyte, for scenarios about the files of an image rather than the LXD in it.
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

// Image is the files of a LXD image, as they are exported, carried and imported.
type Image struct {
	// Metadata is the tar with metadata.yaml; in a unified image the root filesystem is in it, too.
	Metadata []byte
	// RootFS is the root filesystem of a split image, nil for a unified one.
	RootFS []byte
}

// Unified tells whether the image is one file.
func (i Image) Unified() bool { return i.RootFS == nil }

// Fingerprint is the name that a LXD must give to the image: the SHA-256 of its
// files in their order (LXD: doc/image-handling.md; lxd/images.go, getImgPostInfo).
func (i Image) Fingerprint() string {
	h := sha256.New()
	h.Write(i.Metadata)
	h.Write(i.RootFS)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Owners are the owners, as "uid:gid", of the files in a unified image that is packed by gzip, by their paths in the root filesystem.
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
