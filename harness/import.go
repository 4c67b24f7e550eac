package harness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/bundle"
)

// importing is the import of a bundle's image, which goes on while something else is waited for.
type importing struct {
	server lxd.InstanceServer
	bundle *bundle.Bundle

	done   chan struct{}
	fresh  bool          // the LXD did not have it before
	worked time.Duration // how long LXD was at it
	err    error
}

// beginImport begins to hand the bundle's image to a LXD, unless it has it already. The LXD answers, but need not be ready.
func beginImport(ctx context.Context, server lxd.InstanceServer, b *bundle.Bundle) *importing {
	i := &importing{server: server, bundle: b, done: make(chan struct{})}
	go func() {
		defer close(i.done)
		i.err = i.run(ctx)
	}()
	return i
}

func (i *importing) run(ctx context.Context) error {
	if _, _, err := i.server.GetImage(i.bundle.Fingerprint); !api.StatusErrorCheck(err, http.StatusNotFound) {
		return err
	}
	i.fresh = true
	file, err := os.Open(i.bundle.Image())
	if err != nil {
		return fmt.Errorf("bundle %s: %w", i.bundle, err)
	}
	defer file.Close()
	op, err := i.server.CreateImage(api.ImagesPost{}, &lxd.ImageCreateArgs{MetaFile: file, MetaName: filepath.Base(file.Name())})
	i.worked, err = await(ctx, op, err)
	return err
}

func (i *importing) wait() error {
	<-i.done
	return i.err
}

// undo takes the image away again from a LXD that has made its level from it: it
// would be a fifth of what lies on the disk, and the next level takes its place.
func (i *importing) undo(ctx context.Context) error {
	if !i.fresh {
		return nil
	}
	op, err := i.server.DeleteImage(i.bundle.Fingerprint)
	if _, err = await(ctx, op, err); err != nil {
		return fmt.Errorf("delete the image: %w", err)
	}
	return nil
}
