package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nestbed/harness/wait"
)

// dockerBudget limits the wait for Docker's daemon to answer, and for it to end.
const dockerBudget = 60 * time.Second

const (
	// startDockerd starts the daemon "$@" in the background, with its output in directory $0, and
	// prints its pid.
	startDockerd = `"$@" </dev/null >"$0/log" 2>&1 & echo $!`

	// dockerdEnded fails as long as process $0 is there.
	dockerdEnded = `! kill -0 "$0" 2>/dev/null`
)

// startDocker starts Docker's daemon and waits until it answers.
func (e *engine) startDocker(ctx context.Context) (stop func(context.Context) error, err error) {
	if e.spec.User != 0 {
		return nil, fmt.Errorf("dockerd runs as root, not as user %d; use Podman", e.spec.User)
	}
	socket := "unix://" + e.dir + "/sock"
	e.command = []string{"env", "HOME=" + e.dir, "docker", "--host", socket}
	e.driver = "{{.Driver}}"
	daemon := []string{
		"dockerd", "--host", socket, "--data-root", e.dir + "/data", "--exec-root", e.dir + "/run", "--pidfile", e.dir + "/pid",
	}
	if e.spec.IDsOf != "" {
		daemon = append(daemon, "--userns-remap", e.spec.IDsOf)
	}
	if e.spec.Storage != "" {
		daemon = append(daemon, "--storage-driver", e.spec.Storage)
	}
	out, err := e.level.Exec(ctx, append([]string{"sh", "-c", startDockerd, e.dir}, daemon...)...)
	if err != nil {
		return nil, err
	}
	pid := strings.TrimSpace(out)
	stop = func(ctx context.Context) error {
		// Only once, because the third signal ends it without cleaning up.
		if _, err := e.level.Exec(ctx, "sh", "-c", `kill "$0" 2>/dev/null || true`, pid); err != nil {
			return err
		}
		return wait.For(ctx, "wait for dockerd to end", dockerBudget, func(ctx context.Context) error {
			_, err := e.level.Exec(ctx, "sh", "-c", dockerdEnded, pid)
			return err
		})
	}
	err = wait.For(ctx, "wait for dockerd to answer", dockerBudget, func(ctx context.Context) error {
		_, err := e.do(ctx, "version")
		if err == nil {
			return nil
		}
		if _, gone := e.level.Exec(ctx, "kill", "-0", pid); gone != nil {
			said, _ := e.level.Exec(ctx, "tail", "-n", "1", e.dir+"/log")
			return wait.Final(errors.New(strings.TrimSpace(said)))
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return stop, nil
}
