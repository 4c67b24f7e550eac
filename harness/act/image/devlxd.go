package image

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"nestbed/harness"
	"nestbed/harness/bundle/imagefile"
)

// DevLXDError is the answer of the LXD above if it returned no image.
type DevLXDError struct {
	Status int // of HTTP
	Text   string
}

func (e *DevLXDError) Error() string { return fmt.Sprintf("/dev/lxd: status %d: %s", e.Status, e.Text) }

// Ask requests an image from the LXD above through /dev/lxd or /dev/incus, in a process of the
// level with user id inside the level, as the level's LXD does to download an image (LXD:
// client/lxd_images.go, GetImageFile). It returns a *DevLXDError if the LXD above refuses.
func Ask(ctx context.Context, c *harness.Chain, level int, id uint32, fingerprint string) (i imagefile.Image, err error) {
	l, err := c.Level(level)
	if err != nil {
		return i, err
	}
	socket := c.Spec.DaemonBundle(c.Host.Traits(), level-1).Flavor.GuestAPI()
	err = l.Root().DialInside(ctx, id, socket, func(to io.Writer, from io.Reader) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lxd/1.0/images/"+fingerprint+"/export", nil)
		if err != nil {
			return err
		}
		if err := request.Write(to); err != nil {
			return err
		}
		answer, err := http.ReadResponse(bufio.NewReader(from), request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		i, err = readExport(answer)
		return err
	})
	if err != nil {
		return i, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return i, nil
}

// readExport reads the one file of a unified image or the two parts of a split image.
func readExport(answer *http.Response) (i imagefile.Image, err error) {
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode != http.StatusOK || err != nil || kind != "multipart/form-data" {
		body, readErr := io.ReadAll(io.LimitReader(answer.Body, imageLimit))
		if answer.StatusCode != http.StatusOK {
			return i, &DevLXDError{Status: answer.StatusCode, Text: strings.TrimSpace(string(body))}
		}
		return imagefile.Image{Metadata: body}, readErr
	}
	parts := multipart.NewReader(answer.Body, params["boundary"])
	for _, into := range []*[]byte{&i.Metadata, &i.RootFS} {
		part, err := parts.NextPart()
		if err != nil {
			return i, err
		}
		if *into, err = io.ReadAll(io.LimitReader(part, imageLimit)); err != nil {
			return i, err
		}
	}
	return i, nil
}
