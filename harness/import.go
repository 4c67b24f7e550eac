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

// Importing is the import of a bundle's image, which goes on while something else is waited for.
type Importing struct {
	server lxd.InstanceServer
	bundle *bundle.Bundle
	// apart makes it another image than the bundle's for this LXD, with the same content; empty: it is the bundle's.
	apart string

	began  time.Time
	done   chan struct{}
	fresh  bool          // the LXD did not have it before
	worked time.Duration // how long LXD was at it
	err    error
	// fingerprint is the image's name there.
	fingerprint string
}

// BeginImport begins to hand the bundle's image to a LXD, unless it has it already. The LXD answers, but need not be ready.
func BeginImport(ctx context.Context, server lxd.InstanceServer, b *bundle.Bundle) *Importing {
	return beginImportApart(ctx, server, b, "")
}

// beginImportApart does so with an image of which nobody else has the fingerprint. For a LXD that others use: it has one file for the
// images of all projects that have one fingerprint, and takes it away with the last of them, under the eyes of one that
// is being imported (LXD 5.0.2: "open /var/lib/lxd/images/...: no such file or directory").
func beginImportApart(ctx context.Context, server lxd.InstanceServer, b *bundle.Bundle, apart string) *Importing {
	i := &Importing{server: server, bundle: b, apart: apart, fingerprint: b.Fingerprint, began: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(i.done)
		i.err = i.run(ctx)
	}()
	return i
}

func (i *Importing) run(ctx context.Context) error {
	if _, _, err := lxdop.With(ctx, i.server).GetImage(i.fingerprint); i.apart == "" && !api.StatusErrorCheck(err, http.StatusNotFound) {
		return err
	}
	i.fresh = true
	file, err := os.Open(i.bundle.Image())
	if err != nil {
		return fmt.Errorf("bundle %s: %w", i.bundle, err)
	}
	defer file.Close()
	op, err := i.server.CreateImage(api.ImagesPost{}, &lxd.ImageCreateArgs{
		MetaFile: io.MultiReader(file, bytes.NewReader(skippable(i.apart))), MetaName: filepath.Base(file.Name()),
	})
	ended, worked, err := await(ctx, i.server, op, err)
	if i.worked = worked; err != nil || i.apart == "" {
		return err
	}
	i.fingerprint, err = FingerprintOf(ended)
	return err
}

// FingerprintOf is the fingerprint of the image that an operation made.
func FingerprintOf(ended api.Operation) (string, error) {
	fingerprint, ok := ended.Metadata["fingerprint"].(string)
	if !ok {
		return "", errors.New("LXD told no fingerprint of the image")
	}
	return fingerprint, nil
}

// skippable is a frame that whoever unpacks zstd passes over (RFC 8878, section 3.1.2); none for an empty text.
func skippable(text string) []byte {
	if text == "" {
		return nil
	}
	frame := binary.LittleEndian.AppendUint32(nil, 0x184D2A50)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(text)))
	return append(frame, text...)
}

// Wait waits until the LXD has the image.
func (i *Importing) Wait() error {
	<-i.done
	return i.err
}

// undo takes the image away again from a LXD that has made its level from it: it
// would be a fifth of what lies on the disk, and the next level takes its place.
func (i *Importing) undo(ctx context.Context) error {
	if !i.fresh {
		return nil
	}
	op, err := i.server.DeleteImage(i.fingerprint)
	if _, err = lxdop.Await(ctx, i.server, op, err); err != nil {
		return fmt.Errorf("delete the image: %w", err)
	}
	return nil
}

// ImportImage gives an image to a daemon, and returns the fingerprint that it has there.
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
	return FingerprintOf(ended)
}
