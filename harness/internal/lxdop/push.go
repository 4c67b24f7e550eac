package lxdop

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// LXD starts a program to access the files of a container. It ends 15 s after the last access (LXD:
// lxd/main_forkfile.go, Run), and LXD needs a moment to notice.
const (
	helperEnds    = 15 * time.Second
	noticesBudget = 2 * time.Second
)

// A File is a file to be written into a container, which overwrites what is there.
type File struct {
	Path     string
	Content  []byte
	UID, GID int64
	Mode     os.FileMode
}

// PushFile writes a file into a container.
//
// While that program of another container ends, LXD can remove the socket of this container's
// (docs/findings.md, "No file can be pushed into a running container"). LXD then fails for as long
// as somebody tries again within 15 s. Nothing shows when the program has ended.
func PushFile(ctx context.Context, server lxd.InstanceServer, container string, f File) error {
	push := func() error { return pushOnce(ctx, server, container, f) }
	err := push()
	if !lostSocket(err) {
		return err
	}
	select {
	case <-time.After(helperEnds + wait.Scale(ctx, noticesBudget)):
		return push()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
}

// lostSocket reports whether LXD could not talk to the program that accesses a container's files.
func lostSocket(err error) bool {
	return err != nil && strings.Contains(err.Error(), "/forkfile.sock: ")
}

// pushOnce sends the request. LXD's client has the owner and the mode in headers that Incus 7 does
// not read: Incus 6 reads both kinds (Incus: shared/api/headers.go).
func pushOnce(ctx context.Context, server lxd.InstanceServer, container string, f File) error {
	where, err := filesURL(server, container, f.Path)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(f.Content))
	if err != nil {
		return err
	}
	for key, value := range map[string]string{
		"uid": strconv.FormatInt(f.UID, 10), "gid": strconv.FormatInt(f.GID, 10), "mode": fmt.Sprintf("%04o", f.Mode), "type": "file", "write": "overwrite",
	} {
		request.Header.Set("X-LXD-"+key, value)
		request.Header.Set("X-Incus-"+key, value)
	}
	_, err = answerTo(server, request)
	return err
}
