package harness

import (
	"fmt"
	"maps"

	lxd "github.com/canonical/lxd/client"
)

// configureProject adds to the configuration of the project that a LXD is used by: what it restricts and limits (LXD: lxd/project/limits).
func configureProject(server lxd.InstanceServer, config map[string]string) error {
	if len(config) == 0 {
		return nil
	}
	info, err := server.GetConnectionInfo()
	if err != nil {
		return err
	}
	project, etag, err := server.GetProject(info.Project)
	if err != nil {
		return err
	}
	wanted := project.Writable()
	maps.Copy(wanted.Config, config)
	if err := server.UpdateProject(project.Name, wanted, etag); err != nil {
		return fmt.Errorf("project %s: %w", project.Name, err)
	}
	return nil
}
