// Package image copies images from one LXD of a chain to another and creates containers from them.
package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/bundle/imagefile"
	"nestbed/harness/classify"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Paths in a level of the image files that are pushed into it.
const (
	CarriedMetadata = "/root/image.metadata"
	CarriedRootFS   = "/root/image.rootfs"
)

// imageLimit is the largest size of an image file that is read from a level, in bytes: three times
// the largest bundle.
const imageLimit = 256 << 20

// lxcError matches the log line with the cause if a container did not start.
var lxcError = regexp.MustCompile(` ERROR .*Failed to (mount|exec|open|create|pivot)`)

// OpPush is the operation of pushing a file into a level. It is not an operation of package idmap.
const OpPush idmap.Op = "push"

// StuckError is the error of an LXD that refused an image, with the level and the operation.
type StuckError struct {
	Level int // whose LXD refused or, for OpPush, into which a file was pushed; 0 is the host
	Op    idmap.Op
	Err   error
}

func (e *StuckError) Error() string { return fmt.Sprintf("level %d: %s: %v", e.Level, e.Op, e.Err) }
func (e *StuckError) Unwrap() error { return e.Err }

func stuck(level int, op idmap.Op, err error) error {
	if err == nil {
		return nil
	}
	return &StuckError{Level: level, Op: op, Err: err}
}

// Import imports an image into the LXD at a level (0 is the host) and returns its fingerprint
// there. The error is a *StuckError if LXD refuses.
func Import(ctx context.Context, c *harness.Chain, level int, i imagefile.Image, public bool) (string, error) {
	d, err := c.Daemon(level)
	if err != nil {
		return "", err
	}
	fingerprint, err := harness.ImportImage(ctx, d, i, public)
	return fingerprint, stuck(level, idmap.OpImport, err)
}

// Export returns the files of an image from the LXD at a level (0 is the host).
func Export(ctx context.Context, c *harness.Chain, level int, fingerprint string) (i imagefile.Image, err error) {
	d, err := c.Daemon(level)
	if err != nil {
		return i, err
	}
	files := make([]*os.File, 2)
	for n := range files {
		if files[n], err = os.CreateTemp("", "nestbed-image-"); err != nil {
			return i, err
		}
		defer files[n].Close()
		defer os.Remove(files[n].Name())
	}
	got, err := lxdop.With(ctx, d.LXD()).GetImageFile(fingerprint, lxd.ImageFileRequest{MetaFile: files[0], RootfsFile: files[1]})
	if err != nil {
		return i, fmt.Errorf("level %d: export: %w", level, err)
	}
	read := func(f *os.File) ([]byte, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return io.ReadAll(f)
	}
	if i.Metadata, err = read(files[0]); err == nil && got.RootfsSize > 0 {
		i.RootFS, err = read(files[1])
	}
	return i, err
}

// PushFile pushes a file into the level through the LXD above. The level may be running or
// stopped. id is the user and the group of the file inside the level. The error is a *StuckError.
func PushFile(ctx context.Context, l *harness.Level, path string, content []byte, id int64) error {
	return stuck(l.Index, OpPush, lxdop.PushFile(ctx, l.Above().LXD(), l.Name, lxdop.File{Path: path, Content: content, UID: id, GID: id, Mode: 0o600}))
}

// Push pushes the files of an image into the level; they belong to the level's root.
func Push(ctx context.Context, l *harness.Level, i imagefile.Image) error {
	if err := PushFile(ctx, l, CarriedMetadata, i.Metadata, 0); err != nil || i.Unified() {
		return err
	}
	return PushFile(ctx, l, CarriedRootFS, i.RootFS, 0)
}

// Pushed reads the pushed files of an image from the level.
func Pushed(ctx context.Context, l *harness.Level, unified bool) (i imagefile.Image, err error) {
	if i.Metadata, err = l.Root().ReadLarge(ctx, CarriedMetadata, imageLimit); err == nil && !unified {
		i.RootFS, err = l.Root().ReadLarge(ctx, CarriedRootFS, imageLimit)
	}
	if err != nil {
		err = fmt.Errorf("level %d: %w", l.Index, err)
	}
	return i, err
}

// CarryIn copies an image from the LXD above the level to the LXD inside it, as in the article: it
// exports the image, pushes the files into the level and imports them there.
func CarryIn(ctx context.Context, c *harness.Chain, level int, fingerprint string) error {
	exported, err := Export(ctx, c, level-1, fingerprint)
	if err != nil {
		return err
	}
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	if err := Push(ctx, l, exported); err != nil {
		return err
	}
	pushed, err := Pushed(ctx, l, exported.Unified())
	if err != nil {
		return err
	}
	_, err = Import(ctx, c, level, pushed, false)
	return err
}

// CarryOut copies an image from the LXD inside the level to the LXD above it: it exports the image
// to files of the level, which belong to root there, pulls these and imports them.
func CarryOut(ctx context.Context, c *harness.Chain, level int, fingerprint string) error {
	exported, err := Export(ctx, c, level, fingerprint)
	if err != nil {
		return err
	}
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	var pulled imagefile.Image
	files := []carriedFile{{CarriedMetadata, exported.Metadata, &pulled.Metadata}}
	if !exported.Unified() {
		files = append(files, carriedFile{CarriedRootFS, exported.RootFS, &pulled.RootFS})
	}
	for _, f := range files {
		if _, err := l.ExecAs(ctx, 0, bytes.NewReader(f.content), "sh", "-c", `cat >"$0"`, f.path); err != nil {
			return err
		}
		got, err := lxdop.PullFile(ctx, l.Above().LXD(), l.Name, f.path)
		if err != nil {
			return fmt.Errorf("level %d: %w", level, err)
		}
		*f.pulled = []byte(got.Content)
	}
	_, err = Import(ctx, c, level-1, pulled, false)
	return err
}

// carriedFile is a file of an image that is carried out of a level.
type carriedFile struct {
	path    string
	content []byte
	pulled  *[]byte
}

// Launch creates and starts a container from an image with the LXD at a level (0 is the host),
// beside the chain. The container has no LXD inside. The error is a *StuckError if LXD refuses.
func Launch(ctx context.Context, c *harness.Chain, level int, name, fingerprint string) (*harness.Level, error) {
	d, err := c.Daemon(level)
	if err != nil {
		return nil, err
	}
	l := harness.NewLevel(d, level+1, name)
	op, err := d.LXD().CreateInstance(api.InstancesPost{
		Name: name, Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "image", Fingerprint: fingerprint},
	})
	if _, err = lxdop.Await(ctx, d.LXD(), op, err); err != nil {
		return nil, stuck(level, idmap.OpCreate, err)
	}
	if err := l.Start(ctx); err != nil {
		// The API only reports that a program of LXD exited with 1.
		if line := classify.Find(lxcError, harness.Gather(ctx, d, name).LXCLog); line != "" {
			err = fmt.Errorf("%w: %s", err, line)
		}
		return nil, stuck(level, idmap.OpStart, err)
	}
	return l, l.Reach(ctx)
}

// Publish stops a container that Launch created with the LXD at a level, publishes it as an image
// and returns the image's fingerprint.
func Publish(ctx context.Context, c *harness.Chain, level int, name string) (string, error) {
	d, err := c.Daemon(level)
	if err != nil {
		return "", err
	}
	op, err := d.LXD().UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1}, "")
	_, err = lxdop.Await(ctx, d.LXD(), op, err)
	if err == nil {
		op, err = d.LXD().CreateImage(api.ImagesPost{Source: &api.ImagesPostSource{Type: "container", Name: name}}, nil)
	}
	ended, err := lxdop.Await(ctx, d.LXD(), op, err)
	if err != nil {
		return "", fmt.Errorf("level %d: publish: %w", level, err)
	}
	fingerprint, err := harness.FingerprintOf(ended)
	if err != nil {
		return "", fmt.Errorf("level %d: publish: %w", level, err)
	}
	return fingerprint, nil
}
