package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
)

// ReapProjects removes from the LXD at a socket the projects of nestbed's whose processes, of this machine, have ended, and names them.
// With names it removes those, of whatever machine's process, but for one that still runs. Where such a run had another allocation than
// the host's, the files are uncovered, and the LXD is started anew: see Config.RestartLXD.
func ReapProjects(ctx context.Context, socket, restartLXD string, names ...string) (removed []string, err error) {
	s := &system{address: socket}
	info, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", socket, err)
	}
	defer func() { s.all.Disconnect() }()
	defer func() { s.loan.close() }()
	settle := func(ctx context.Context, left *project) error {
		if s.loan == nil {
			if s.loan, err = s.lend(ctx, restartLXD, info); err != nil {
				return fmt.Errorf("its host allocation: %w", err)
			}
		}
		return s.settle(ctx, left)
	}
	if len(names) == 0 {
		return s.reap(ctx, settle)
	}
	for _, name := range names {
		if err := s.endProject(ctx, name, settle); err != nil {
			return removed, fmt.Errorf("LXD at %s: project %s: %w", socket, name, err)
		}
		removed = append(removed, name)
	}
	return removed, nil
}

// settler removes a project whose run has ended, and gives back what that had borrowed.
type settler func(ctx context.Context, left *project) error

// reap removes the projects whose processes have ended. Without a settler, those that had an allocation of their own stay.
func (s *system) reap(ctx context.Context, settle settler) (removed []string, err error) {
	projects, err := s.all.GetProjects()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, found := range projects {
		if !strings.HasPrefix(found.Name, projectPrefix) || found.Config[ownerKey] == "" || settle == nil && isLoan(found) {
			continue
		}
		seen, err := stateOf(found.Config)
		if err == nil && seen == ended {
			if err = s.end(ctx, found, settle); err == nil {
				removed = append(removed, found.Name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", found.Name, err))
		}
	}
	return removed, errors.Join(errs...)
}

func (s *system) end(ctx context.Context, found api.Project, settle settler) error {
	left := theirs(s.all, found.Name)
	if isLoan(found) {
		return settle(ctx, left)
	}
	return left.remove(ctx)
}

// theirs is a project that another process made.
func theirs(all lxd.InstanceServer, name string) *project {
	_, _, err := all.GetStoragePool(name)
	return &project{name: name, pool: name, ownPool: err == nil, all: all}
}

func (s *system) endProject(ctx context.Context, name string, settle settler) error {
	found, _, err := s.all.GetProject(name)
	if err != nil {
		return err
	}
	if found.Config[ownerKey] == "" {
		return fmt.Errorf("it is none of nestbed's: it has no %s", ownerKey)
	}
	switch seen, err := stateOf(found.Config); {
	case err != nil:
		return err
	case seen == running:
		return fmt.Errorf("%w (%s); end that process", ErrBusy, found.Description)
	}
	return s.end(ctx, *found, settle)
}
