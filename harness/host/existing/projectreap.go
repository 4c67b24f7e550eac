package existing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/host"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/keyring"
)

// Reap removes nestbed's projects whose processes ran on this machine and have ended, and returns
// their names. With names it removes those projects, no matter which machine their processes are
// on. It refuses a project whose process still runs.
func Reap(ctx context.Context, of LXD, names ...string) (removed []string, err error) {
	s := &daemon{LXD: of}
	if _, err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", of.Address, err)
	}
	defer func() { s.all.Disconnect() }()
	if len(names) == 0 {
		return s.reap(ctx)
	}
	for _, name := range names {
		if err := s.endProject(ctx, name); err != nil {
			return removed, fmt.Errorf("LXD at %s: project %s: %w", of.Address, name, err)
		}
		removed = append(removed, name)
	}
	return removed, nil
}

// reap removes the projects whose processes have ended.
func (s *daemon) reap(ctx context.Context) (removed []string, err error) {
	projects, err := lxdop.With(ctx, s.all).GetProjects()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, found := range projects {
		if !strings.HasPrefix(found.Name, projectPrefix) || found.Config[ownerKey] == "" {
			continue
		}
		seen, err := stateOf(found.Config, keyring.IsAddress(s.Address))
		if err == nil && seen == ended {
			if err = projectOfOther(ctx, s.all, found.Name).remove(ctx); err == nil {
				removed = append(removed, found.Name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", found.Name, err))
		}
	}
	return removed, errors.Join(errs...)
}

// projectOfOther returns a project that another process made.
func projectOfOther(ctx context.Context, all lxd.InstanceServer, name string) *project {
	_, _, err := lxdop.With(ctx, all).GetStoragePool(name)
	return &project{name: name, pool: name, ownPool: err == nil, all: all}
}

func (s *daemon) endProject(ctx context.Context, name string) error {
	found, _, err := lxdop.With(ctx, s.all).GetProject(name)
	if err != nil {
		return err
	}
	if found.Config[ownerKey] == "" {
		return fmt.Errorf("it is not a project of nestbed: it has no %s", ownerKey)
	}
	switch seen, err := stateOf(found.Config, keyring.IsAddress(s.Address)); {
	case err != nil:
		return err
	case seen == running:
		return fmt.Errorf("%w (%s); end that process", host.ErrBusy, found.Description)
	}
	return projectOfOther(ctx, s.all, name).remove(ctx)
}
