package harness

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/bridge"
	"nestbed/harness/host"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// lxcfsBudget bounds how long lxcfs may take to mount its directory. It takes less than a second.
const lxcfsBudget = 30 * time.Second

// startLXCFS does for a host what Debian's package lxcfs does. It runs lxcfs, and makes liblxc
// call the package's hook in each container, which puts the files of lxcfs over those of /proc.
// The programs come with the bundle's tools. lxcfs ends with the host.
func startLXCFS(ctx context.Context, h host.Host) error {
	const start = `mkdir -p /var/lib/lxcfs
lxcfs /var/lib/lxcfs >/var/log/lxcfs.log 2>&1 </dev/null &
echo "lxc.hook.mount = /usr/share/lxcfs/lxc.mount.hook" >/usr/share/lxc/config/common.conf.d/00-lxcfs.conf`
	if _, err := host.Exec(ctx, h, "sh", "-c", start); err != nil {
		return fmt.Errorf("start lxcfs: %w", err)
	}
	return wait.For(ctx, "wait for lxcfs", lxcfsBudget, func(ctx context.Context) error {
		_, err := host.Exec(ctx, h, "head", "-n", "1", "/var/lib/lxcfs/proc/meminfo")
		if err == nil {
			return nil
		}
		log, _ := host.Exec(ctx, h, "tail", "-n", "1", "/var/log/lxcfs.log") // it may not be there yet
		return fmt.Errorf("%w; it said: %s", err, strings.TrimSpace(log))
	})
}

// configureProject adds keys to the configuration of the client's project: restrictions and limits
// (LXD: lxd/project/limits).
func configureProject(ctx context.Context, server lxd.InstanceServer, config map[string]string) error {
	if len(config) == 0 {
		return nil
	}
	info, err := server.GetConnectionInfo()
	if err != nil {
		return err
	}
	project, etag, err := lxdop.With(ctx, server).GetProject(info.Project)
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

// makeBridge makes the managed bridge that a level will be connected to.
func makeBridge(ctx context.Context, server lxd.InstanceServer, config map[string]string) error {
	return lxdop.CreateNetwork(ctx, server, api.NetworksPost{Name: bridge.Name, Type: "bridge", NetworkPut: api.NetworkPut{Config: config}})
}
