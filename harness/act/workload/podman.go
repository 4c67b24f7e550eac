package workload

import "context"

// startPodman prepares the commands of Podman, which has no daemon. stop ends the process that
// keeps a user's namespaces.
func (e *engine) startPodman(context.Context) (stop func(context.Context) error, err error) {
	e.command = []string{
		"env", "HOME=" + e.dir, "XDG_RUNTIME_DIR=" + e.dir + "/run", "PODMAN_IGNORE_CGROUPSV1_WARNING=1",
		"podman", "--root", e.dir + "/data", "--runroot", e.dir + "/run/containers",
		// Levels have no systemd.
		"--cgroup-manager", "cgroupfs", "--events-backend", "file",
	}
	if e.spec.Storage != "" {
		e.command = append(e.command, "--storage-driver", e.spec.Storage)
	}
	e.driver = "{{.Store.GraphDriverName}}"
	if e.spec.User != 0 {
		// A user's container gets a network from a program outside of it, pasta.
		e.run = []string{"--network", "none"}
	}
	return func(ctx context.Context) error {
		_, err := e.do(ctx, "system", "migrate")
		return err
	}, nil
}
