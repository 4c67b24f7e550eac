package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// unusedName is the name of MakeAndDelete's container.
const unusedName = "unused"

// MakeAndDelete makes a container that never runs, with the LXD of the host (level 0) or of a
// level, and deletes it. If deleted is true, the container was made and err is the error of its
// deletion.
func MakeAndDelete(ctx context.Context, c *harness.Chain, level int) (deleted bool, err error) {
	above, err := c.Daemon(level)
	if err != nil {
		return false, err
	}
	server := above.LXD()
	fail := func(what string, err error) error {
		return fmt.Errorf("level %d: %s a container: %w", level, what, err)
	}
	b := c.Spec.BundleOf(c.Host.Traits(), level)
	if err := harness.BeginImport(ctx, server, b.Whole).Wait(); err != nil {
		return false, fail("make", err)
	}
	op, err := server.CreateInstance(api.InstancesPost{
		Name: unusedName, Type: api.InstanceTypeContainer,
		Source: api.InstanceSource{Type: "image", Fingerprint: b.Whole.Fingerprint},
	})
	if _, err = lxdop.Await(ctx, server, op, err); err != nil {
		return false, fail("make", err)
	}
	op, err = server.DeleteInstance(unusedName)
	if _, err = lxdop.Await(ctx, server, op, err); err != nil {
		err = fail("delete", err)
	}
	return true, err
}

// ContainerLeft reports whether LXD still knows the container of MakeAndDelete, and whether its
// files are still in the pool.
func ContainerLeft(ctx context.Context, c *harness.Chain, level int) (known, onDisk bool, err error) {
	above, err := c.Daemon(level)
	if err != nil {
		return false, false, err
	}
	_, _, err = lxdop.With(ctx, above.LXD()).GetInstance(unusedName)
	if err != nil && !api.StatusErrorCheck(err, http.StatusNotFound) {
		return false, false, fmt.Errorf("level %d: %w", level, err)
	}
	known = err == nil
	_, err = above.Root().Look(ctx, filepath.Join(harness.PoolPath, "containers", unusedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return known, false, fmt.Errorf("level %d: %w", level, err)
	}
	return known, err == nil, nil
}
