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

// projectPrefix is how the projects are named that are nestbed's.
const projectPrefix = "nestbed-"

// ownerKey is the key of a project's configuration that says whose it is.
const ownerKey = "user.nestbed.owner"

// poolDriver is that of a storage pool that is made for a project.
const poolDriver = "dir"

// project is one of an existing LXD: images, profiles and instances in it are apart from all others.
type project struct {
	name string
	// pool is its storage pool, which is one for all projects; ownPool reports whether it was made for this one.
	pool    string
	ownPool bool
	all     lxd.InstanceServer
}

// makeProject makes a project with a default profile on a storage pool: the given one or, if that is "", one of its own, on each of
// the members of a cluster. With an error, too, there may be a project, which is to be removed.
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
	// The description is for whoever finds the project in LXD's own list, and knows nothing of nestbed.
	err = all.CreateProject(api.ProjectsPost{Name: p.name, ProjectPut: api.ProjectPut{
		Description: fmt.Sprintf("of nestbed, process %d; nestbed reap removes it when that has ended", os.Getpid()), Config: config,
	}})
	defer func() {
		if err != nil {
			err = fmt.Errorf("project %s: %w", p.name, err)
		}
	}()
	if api.StatusErrorCheck(err) {
		return nil, err // LXD has refused: there is none. Any other error leaves that open.
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
	return p, all.UseProject(p.name).UpdateProfile("default", api.ProfilePut{
		Devices: map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": p.pool}},
	}, "")
}

// makePool makes a storage pool: in a cluster on each member first (LXD: doc/howto/cluster_config_storage.md).
func makePool(ctx context.Context, all lxd.InstanceServer, name string, members []string) error {
	order := api.StoragePoolsPost{Name: name, Driver: poolDriver}
	for _, m := range members {
		err := context.Cause(ctx)
		if err == nil {
			err = all.UseTarget(m).CreateStoragePool(order)
		}
		if err != nil {
			return fmt.Errorf("member %s: %w", m, err)
		}
	}
	return all.CreateStoragePool(order)
}

// remove removes the project with all that is in it. It may be called for one that is half made or half removed.
func (p *project) remove(ctx context.Context) error {
	if err := p.clear(ctx); err != nil {
		return err
	}
	return lxdop.IgnoreMissing(p.all.DeleteProject(p.name))
}

// clear removes all that is in the project.
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
		// The project last, as what is left is found by it: so its profile lets go of the pool before.
		if err := lxdop.IgnoreMissing(inside.UpdateProfile("default", api.ProfilePut{}, "")); err != nil {
			return err
		}
		if err := lxdop.IgnoreMissing(p.all.DeleteStoragePool(p.pool)); err != nil {
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
		// Something else may still be done to it.
		err := wait.For(ctx, "delete "+i.Name, removeBudget, func(ctx context.Context) error { return lxdop.Remove(ctx, inside, i.Name) })
		if err != nil {
			return err
		}
	}
	return nil
}
