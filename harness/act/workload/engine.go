package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// Engine is a container engine: a program that makes images and runs containers from them.
type Engine string

// The engines.
const (
	Docker Engine = "Docker"
	Podman Engine = "Podman"
)

// EngineSpec describes how an engine runs at a level.
type EngineSpec struct {
	Engine Engine
	// User is the level's user who runs it; 0 is root. Docker's daemon runs as root.
	User uint32
	// IDsOf is the account whose subordinate ids Docker gives to containers; "" is none, so that
	// containers have the ids of the level (man 8 dockerd, userns-remap).
	IDsOf string
	// Storage is the storage driver, such as "overlay2"; "" lets the engine choose.
	Storage string
	// OnOverlay puts the engine's files on an overlay filesystem.
	OnOverlay bool
}

// EngineResult is the observed state of an image and of a container from it.
type EngineResult struct {
	Result
	// Storage is the storage driver that the engine used.
	Storage string
	// Added and Deleted report whether the container has the file that the second layer of the
	// image adds, and the one that it deletes.
	Added, Deleted bool
	// Left lists containers and images after both were removed.
	Left string
}

// engine runs commands of an engine at a level.
type engine struct {
	level *harness.Level
	spec  EngineSpec
	dir   string
	// command starts every command of the engine.
	command []string
	// run are the options for containers.
	run []string
	// driver is the template that shows the storage driver.
	driver string
}

const (
	// layOutImage makes, in directory $0, the files of a base image with only busybox, whose init
	// has the text $2, and instructions for a second layer. They belong to $1.
	layOutImage = `set -e
umask 022
if [ -n "$3" ]; then
	mkdir -p "$0" "$0.lower" "$0.upper" "$0.work"
	mount -t overlay overlay -o "lowerdir=$0.lower,upperdir=$0.upper,workdir=$0.work" "$0"
fi
mkdir -p "$0/base/bin" "$0/base/tmp" "$0/run" && cd "$0"
cp /bin/busybox base/bin/
printf '%s' "$2" >base/init
chmod 755 base/init
touch base/deleted
tar -C base -c -f base.tar .
cat >Dockerfile <<'END'
FROM base
RUN ["/bin/busybox", "rm", "/deleted"]
RUN ["/bin/busybox", "touch", "/added"]
CMD ["/init"]
END
chown -R "$1" .
# LXD makes none; in other containers, systemd does. Podman keeps its locks there.
mkdir -p -m 1777 /dev/shm
`

	// quoteErrors runs "$@" and, if it fails, prints its last errors on one line. Builders also
	// show their progress and the instructions.
	quoteErrors = `"$@" 2>"$0/said" || { status=$?; grep -i -e error -e fail "$0/said" | tail -n 3 | tr '\n' '|' >&2; exit $status; }`

	// clearImage removes directory $0. Podman leaves mounts in it.
	clearImage = `set -e
while read -r _ at _; do case "$at" in "$0"|"$0"/*) echo "$at" ;; esac; done </proc/self/mounts | sort -r | xargs -r umount
rm -rf "$0" "$0.lower" "$0.upper" "$0.work"
`

	// The names of the images and of the container.
	baseImage, engineImage = "base", "mine"
)

// RunEngine makes an image with the engine, runs a container from it, inspects it, and removes
// both. If something fails, the error quotes the engine.
func RunEngine(ctx context.Context, l *harness.Level, spec EngineSpec) (got EngineResult, err error) {
	name := fmt.Sprint("engine", workloads.Add(1))
	e := &engine{level: l, spec: spec, dir: "/srv/" + name}
	overlay := ""
	if spec.OnOverlay {
		overlay = "overlay"
	}
	defer func() {
		_, cleared := l.Exec(context.WithoutCancel(ctx), "sh", "-c", clearImage, e.dir)
		err = errors.Join(err, cleared)
	}()
	_, err = l.Exec(ctx, "sh", "-c", layOutImage, e.dir, fmt.Sprint(spec.User, ":", spec.User), workloadInit, overlay)
	if err != nil {
		return got, err
	}
	start := e.startPodman
	if spec.Engine == Docker {
		start = e.startDocker
	}
	stop, err := start(ctx)
	if err != nil {
		return got, e.failed("start", err)
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	if got.Storage, err = e.do(ctx, "info", "--format", e.driver); err != nil {
		return got, err
	}
	for _, command := range [][]string{
		{"import", e.dir + "/base.tar", baseImage},
		append(append([]string{"build"}, e.run...), "--tag", engineImage, e.dir),
	} {
		if _, err := e.do(ctx, command...); err != nil {
			return got, err
		}
	}
	if err := e.container(ctx, name, &got); err != nil {
		return got, err
	}
	if _, err := e.do(ctx, "rmi", engineImage, baseImage); err != nil {
		return got, err
	}
	containers, err := e.do(ctx, "ps", "--all", "--quiet")
	if err != nil {
		return got, err
	}
	images, err := e.do(ctx, "images", "--all", "--quiet")
	got.Left = strings.TrimSpace(containers + "\n" + images)
	return got, err
}

// container runs a container from the image, inspects it and removes it.
func (e *engine) container(ctx context.Context, name string, got *EngineResult) (err error) {
	// Its init ignores a request to stop.
	run := append([]string{"run", "--detach", "--stop-timeout", "0", "--name", name}, e.run...)
	if _, err := e.do(ctx, append(run, engineImage)...); err != nil {
		return err
	}
	defer func() {
		_, removed := e.do(context.WithoutCancel(ctx), "rm", "--force", name)
		err = errors.Join(err, removed)
	}()
	pid, err := e.do(ctx, "inspect", "--format", "{{.State.Pid}}", name)
	if err != nil {
		return err
	}
	root := "/proc/" + pid + "/root"
	got.Result, err = lookAtWorkload(ctx, e.level, pid, func(ctx context.Context) (string, error) {
		return e.owner(ctx, root+"/tmp/made")
	})
	if err != nil {
		return err
	}
	names, err := e.level.Exec(ctx, "ls", root)
	files := strings.Fields(names)
	got.Added, got.Deleted = slices.Contains(files, "added"), slices.Contains(files, "deleted")
	return err
}

// owner returns the host ids of a file of a container. Its mounts are not those of the level.
func (e *engine) owner(ctx context.Context, path string) (string, error) {
	out, err := e.level.Exec(ctx, "stat", "-c", "%u %g", path)
	if err != nil {
		return "", err
	}
	var uid, gid uint32
	if _, err := fmt.Sscan(out, &uid, &gid); err != nil {
		return "", fmt.Errorf("level %d: stat said %q, expected two numbers: %w", e.level.Index, out, err)
	}
	m, err := e.level.HostMap(ctx)
	if err != nil {
		return "", err
	}
	uid, hasUID := idmap.Up(m.UID, uid)
	gid, hasGID := idmap.Up(m.GID, gid)
	if !hasUID || !hasGID {
		return "", fmt.Errorf("level %d: %s belongs to %s, expected ids of the level", e.level.Index, path, strings.TrimSpace(out))
	}
	return harness.IDs(uid, gid), nil
}

// do runs a command of the engine and returns what it printed.
func (e *engine) do(ctx context.Context, args ...string) (string, error) {
	command := slices.Concat([]string{"sh", "-c", quoteErrors, e.dir}, e.command, args)
	out, err := e.level.ExecAs(ctx, e.spec.User, nil, command...)
	if err != nil {
		return "", e.failed(args[0], err)
	}
	return strings.TrimSpace(out), nil
}

// failed returns the error of one of the engine's commands.
func (e *engine) failed(command string, err error) error {
	return fmt.Errorf("%s of user %d: %s: %w", e.spec.Engine, e.spec.User, command, err)
}
