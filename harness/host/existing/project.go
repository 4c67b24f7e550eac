package existing

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// projectPrefix begins the names of nestbed's projects.
const projectPrefix = "nestbed-"

// ownerKey is the key in a project's configuration that names the process that made it.
const ownerKey = "user.nestbed.owner"

// poolDriver is the driver of storage pools that nestbed makes.
const poolDriver = "dir"

// project is a project of an existing LXD, with its own images, profiles and instances.
type project struct {
	name string
	// pool is its storage pool. LXD shares pools among all projects; ownPool reports whether this
	// one was made for the project.
	pool    string
	ownPool bool
	all     lxd.InstanceServer
}

// makeProject makes a project whose default profile uses a storage pool: the given one or, if
// pool is empty, a new one on each of the members. Even with an error it may return a project,
// which must be removed.
func makeProject(ctx context.Context, all lxd.InstanceServer, pool string, members []string) (p *project, err error) {
	owner, err := thisProcess()
	if err != nil {
		return nil, err
	}
	p = &project{name: projectPrefix + strings.ToLower(rand.Text()[:10]), pool: pool, all: all}
	if pool != "" {
		if _, _, err := lxdop.With(ctx, all).GetStoragePool(pool); err != nil {
			return nil, fmt.Errorf("storage pool %s: %w", pool, err)
		}
	}
	config := map[string]string{
		"features.images": "true", "features.profiles": "true", "features.storage.volumes": "true", ownerKey: owner.String(),
	}
	// The description is for people who see the project in LXD's list and do not know nestbed.
	err = all.CreateProject(api.ProjectsPost{Name: p.name, ProjectPut: api.ProjectPut{
		Description: fmt.Sprintf("made by nestbed, process %d; nestbed reap removes it after that process has ended", os.Getpid()), Config: config,
	}})
	defer func() {
		if err != nil {
			err = fmt.Errorf("project %s: %w", p.name, err)
		}
	}()
	if api.StatusErrorCheck(err) {
		return nil, err // LXD refused to make it; any other error leaves that open
	}
	if err != nil {
		return p, err
	}
	if pool == "" {
		p.pool, p.ownPool = p.name, true
		if err := makePool(ctx, all, p.pool, members); err != nil {
			return p, fmt.Errorf("storage pool: %w", err)
		}
	}
	return p, lxdop.UpdateProfile(ctx, all.UseProject(p.name), "default", api.ProfilePut{
		Devices: map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": p.pool}},
	})
}

// makePool makes a storage pool. In a cluster, LXD wants one request per member first (LXD:
// doc/howto/cluster_config_storage.md).
func makePool(ctx context.Context, all lxd.InstanceServer, name string, members []string) error {
	order := api.StoragePoolsPost{Name: name, Driver: poolDriver}
	for _, m := range members {
		if err := lxdop.CreatePool(ctx, all, m, order); err != nil {
			return fmt.Errorf("member %s: %w", m, err)
		}
	}
	return lxdop.CreatePool(ctx, all, "", order)
}

// remove removes the project with everything in it. The project may be half made or half removed.
func (p *project) remove(ctx context.Context) error {
	if err := p.clear(ctx); err != nil {
		return err
	}
	return lxdop.IgnoreMissing(p.all.DeleteProject(p.name))
}

// clear removes everything in the project.
func (p *project) clear(ctx context.Context) error {
	inside := p.all.UseProject(p.name)
	if err := p.empty(ctx); err != nil {
		return err
	}
	images, err := lxdop.With(ctx, inside).GetImages()
	if err != nil && !lxdop.IsMissing(err) {
		return err
	}
	for _, i := range images {
		op, err := inside.DeleteImage(i.Fingerprint)
		if _, err := lxdop.Await(ctx, inside, op, err); lxdop.IgnoreMissing(err) != nil {
			return fmt.Errorf("image %s: delete: %w", i.Fingerprint, err)
		}
	}
	if p.ownPool {
		// The project must go last, because reap finds leftovers by it. Its profile uses the pool
		// until then.
		if err := lxdop.IgnoreMissing(lxdop.UpdateProfile(ctx, inside, "default", api.ProfilePut{})); err != nil {
			return err
		}
		if err := lxdop.IgnoreMissing(lxdop.DeletePool(ctx, p.all, p.pool)); err != nil {
			return err
		}
	}
	return nil
}

// empty deletes the instances.
func (p *project) empty(ctx context.Context) error {
	inside := p.all.UseProject(p.name)
	instances, err := lxdop.With(ctx, inside).GetInstances(api.InstanceTypeAny)
	if err != nil && !lxdop.IsMissing(err) {
		return err
	}
	for _, i := range instances {
		// Another operation on the instance may still run.
		err := wait.For(ctx, "delete "+i.Name, removeBudget, func(ctx context.Context) error { return lxdop.Remove(ctx, inside, i.Name) })
		if err != nil {
			return err
		}
	}
	return nil
}
