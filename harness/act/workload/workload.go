// Package workload runs containers in a level without an LXD: with crun, runc or lxc-start, and
// with Docker or Podman.
package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// Runtime is a program that runs containers without LXD.
type Runtime string

// The runtimes.
const (
	OCI Runtime = "OCI" // crun or runc, with a bundle of the OCI runtime specification
	LXC Runtime = "LXC" // lxc-start, with LXC's default configuration for containers with a user namespace
)

// The programs that run OCI containers.
const (
	Crun = "crun"
	Runc = "runc"
)

// Spec is a container that a user of a level runs there.
type Spec struct {
	Runtime Runtime
	// OCIRuntime is the program for OCI: Crun, the default, or Runc.
	OCIRuntime string
	// Sysctl has settings of the container's own network namespace, for OCI. Without any, it
	// shares that of the level.
	Sysctl map[string]string
	// User is the level's user who runs the container; 0 is root.
	User uint32
	// Map is the container's idmap, in ids of the level. If it is empty, no user namespace is
	// requested; LXC requires a map.
	Map idmap.Map
}

// Result is the observed state of a running container.
type Result struct {
	// Map is its idmap in ids of the level, Host in ids of the host.
	Map, Host idmap.Map
	// Process is "user:group" of its init in host ids, File that of a file that the init made:
	// "500000:500000".
	Process, File string
}

// workloadBudget limits the wait for a container's init to make its file.
const workloadBudget = 20 * time.Second

// workloads numbers the containers, because several may run at one level of a shared chain.
var workloads atomic.Int64 //nolint:gochecknoglobals // names are unique in the process

const (
	// layOutWorkload makes a root filesystem with only busybox in directory $0. It belongs to $1,
	// and its init has the text $2. The configuration $3 is written to file $4, which belongs to
	// $5.
	layOutWorkload = `set -e
umask 022
mkdir -p "$0/run" && cd "$0"
for dir in bin proc sys dev tmp; do mkdir -p rootfs/$dir; done
cp /bin/busybox rootfs/bin/
printf '%s' "$2" >rootfs/init
chmod 755 rootfs/init
chown -R "$1" rootfs
printf '%s' "$3" >"$4"
chown "$5" . run "$4"
`

	workloadInit = "#!/bin/busybox sh\n/bin/busybox touch /tmp/made && exec /bin/busybox sleep 100000\n"

	// Output goes to a file, so that the container in the background does not keep the exec's
	// output open.
	startWorkload = `if "$@" </dev/null >"$0/run/said" 2>&1; then echo started; else cat "$0/run/log" "$0/run/said" 2>/dev/null; true; fi`

	workloadStarted = "started\n"
)

// Run runs a container at the level, inspects it and ends it. If it does not start, the error
// quotes the runtime.
func Run(ctx context.Context, l *harness.Level, spec Spec) (w Result, err error) {
	name := fmt.Sprint("workload", workloads.Add(1))
	dir := "/srv/" + name
	defer func() {
		_, cleared := l.Exec(context.WithoutCancel(ctx), "rm", "-rf", dir)
		err = errors.Join(err, cleared)
	}()
	run, err := spec.commands(name, dir)
	if err != nil {
		return w, err
	}
	root, mapped := idmap.Up(spec.Map.UID, 0)
	if !mapped {
		root = spec.User
	}
	_, err = l.Exec(ctx, "sh", "-c", layOutWorkload, dir, fmt.Sprint(root, ":", root), workloadInit,
		run.config, run.file, fmt.Sprint(spec.User, ":", spec.User))
	if err != nil {
		return w, err
	}
	said, err := l.ExecAs(ctx, spec.User, nil, append([]string{"sh", "-c", startWorkload, dir}, run.start...)...)
	if err == nil && said != workloadStarted {
		said = strings.ReplaceAll(strings.TrimSpace(said), "\n", " | ")
		err = fmt.Errorf("level %d: user %d: start an %s container: %s", l.Index, spec.User, spec.Runtime, said)
	}
	if err != nil {
		return w, err
	}
	defer func() {
		_, ended := l.ExecAs(context.WithoutCancel(ctx), spec.User, nil, run.end...)
		err = errors.Join(err, ended)
	}()
	pid, err := l.ExecAs(ctx, spec.User, nil, run.pid...)
	if err != nil {
		return w, err
	}
	return lookAtWorkload(ctx, l, strings.TrimSpace(pid), func(ctx context.Context) (string, error) {
		return harness.OwnerOf(ctx, l, dir+"/rootfs/tmp/made")
	})
}

// lookAtWorkload inspects a container after its init has made the file with this owner. pid is that
// of its init in the level.
func lookAtWorkload(ctx context.Context, l *harness.Level, pid string, owner func(context.Context) (string, error)) (w Result, err error) {
	err = wait.For(ctx, "wait for the container's init to make a file", workloadBudget, func(ctx context.Context) (err error) {
		w.File, err = owner(ctx)
		return err
	})
	if err != nil {
		return w, err
	}
	inside, err := l.Exec(ctx, "sh", "-c", `cat "/proc/$0/uid_map"; echo; cat "/proc/$0/gid_map"`, pid)
	if err != nil {
		return w, err
	}
	uid, gid, _ := strings.Cut(inside, "\n\n")
	if w.Map, err = idmap.ParseMap(uid, gid); err != nil {
		return w, fmt.Errorf("level %d: %w", l.Index, err)
	}
	if w.Host, err = l.Root().IDMap(ctx, pid); err != nil {
		return w, fmt.Errorf("level %d: %w", l.Index, err)
	}
	w.Process, err = harness.ProcessIDs(ctx, l, pid)
	return w, err
}
