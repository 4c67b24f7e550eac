package harness

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/bundle"
	"nestbed/harness/bundle/imagefile"
	"nestbed/harness/internal/lxdop"
)

// Importing is the import of a bundle's image in the background.
type Importing struct {
	server lxd.InstanceServer
	image  bundle.Image
	// tag, if not empty, gives the image in LXD another fingerprint than the bundle's, with the
	// same content. Only an image that is compressed with zstd can have one.
	tag string

	began  time.Time
	done   chan struct{}
	fresh  bool          // LXD did not have the image before
	worked time.Duration // how long LXD worked at it
	err    error
	// fingerprint is that of the image in LXD.
	fingerprint string
}

// BeginImport starts to import an image of a bundle into an LXD, unless it has the image already.
// LXD must answer, but need not be ready.
func BeginImport(ctx context.Context, server lxd.InstanceServer, image bundle.Image) *Importing {
	return beginTaggedImport(ctx, server, image, "")
}

// beginTaggedImport imports the image with a fingerprint of its own, unless tag is empty. This is
// for an LXD that others use: all its projects share one file for each fingerprint. LXD deletes
// the file with the last image that uses it, even during another import (LXD 5.0.2: "open
// /var/lib/lxd/images/...: no such file or directory").
func beginTaggedImport(ctx context.Context, server lxd.InstanceServer, image bundle.Image, tag string) *Importing {
	i := &Importing{server: server, image: image, tag: tag, fingerprint: image.Fingerprint, began: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(i.done)
		i.err = i.run(ctx)
	}()
	return i
}

func (i *Importing) run(ctx context.Context) error {
	if _, _, err := lxdop.With(ctx, i.server).GetImage(i.fingerprint); i.tag == "" && !api.StatusErrorCheck(err, http.StatusNotFound) {
		return err
	}
	i.fresh = true
	file, err := os.Open(i.image.Path)
	if err != nil {
		return fmt.Errorf("image of a bundle: %w", err)
	}
	defer file.Close()
	op, err := i.server.CreateImage(api.ImagesPost{}, &lxd.ImageCreateArgs{
		MetaFile: io.MultiReader(file, bytes.NewReader(skippableFrame(i.tag))), MetaName: filepath.Base(file.Name()),
	})
	ended, worked, err := await(ctx, i.server, op, err)
	if i.worked = worked; err != nil || i.tag == "" {
		return err
	}
	i.fingerprint, err = FingerprintOf(ended)
	return err
}

// FingerprintOf returns the fingerprint of the image that an operation made.
func FingerprintOf(ended api.Operation) (string, error) {
	fingerprint, ok := ended.Metadata["fingerprint"].(string)
	if !ok {
		return "", errors.New("LXD returned no fingerprint for the image")
	}
	return fingerprint, nil
}

// skippableFrame returns a frame that zstd decoders skip (RFC 8878, section 3.1.2), or nothing for
// an empty text.
func skippableFrame(text string) []byte {
	if text == "" {
		return nil
	}
	frame := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(text)))
	return append(frame, text...)
}

// Wait waits until LXD has the image.
func (i *Importing) Wait() error {
	<-i.done
	return i.err
}

// deleteImage deletes the image that this import added, because LXD has made its level from it.
// The image would take a fifth of the disk space of a level.
func (i *Importing) deleteImage(ctx context.Context) error {
	if !i.fresh {
		return nil
	}
	op, err := i.server.DeleteImage(i.fingerprint)
	if _, err = lxdop.Await(ctx, i.server, op, err); err != nil {
		return fmt.Errorf("delete the image: %w", err)
	}
	return nil
}

// ImportImage imports an image into a daemon and returns its fingerprint there.
func ImportImage(ctx context.Context, to Daemon, i imagefile.Image, public bool) (fingerprint string, err error) {
	args := &lxd.ImageCreateArgs{MetaFile: bytes.NewReader(i.Metadata), MetaName: "image.metadata", Type: "container"}
	if !i.Unified() {
		args.RootfsFile, args.RootfsName = bytes.NewReader(i.RootFS), "image.rootfs"
	}
	op, err := to.LXD().CreateImage(api.ImagesPost{ImagePut: api.ImagePut{Public: public}}, args)
	ended, err := lxdop.Await(ctx, to.LXD(), op, err)
	if err != nil {
		return "", err
	}
	if fingerprint, err = FingerprintOf(ended); err != nil || !public {
		return fingerprint, err
	}
	// Incus does not read the header by which LXD's client says that the image is public.
	got, etag, err := lxdop.With(ctx, to.LXD()).GetImage(fingerprint)
	if err != nil || got.Public {
		return fingerprint, err
	}
	change := got.Writable()
	change.Public = true
	return fingerprint, lxdop.With(ctx, to.LXD()).UpdateImage(fingerprint, change, etag)
}
