package lxdop

import (
	"bytes"
	"context"
	"fmt"
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

// PushFile writes a file into a container.
//
// While that program of another container ends, LXD can remove the socket of this container's
// (docs/findings.md, "No file can be pushed into a running container"). LXD then fails for as long
// as somebody tries again within 15 s. Nothing shows when the program has ended.
func PushFile(ctx context.Context, server lxd.InstanceServer, container, path string, content []byte, args lxd.InstanceFileArgs) error {
	push := func() error {
		args.Content = bytes.NewReader(content)
		return With(ctx, server).CreateInstanceFile(container, path, args)
	}
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
