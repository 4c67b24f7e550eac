package scenarios_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
)

// A recipe builds a chain with the commands of the article, as a person types them: the client
// lxc, nested lxc exec, pushed files, and restarted daemons.
type recipe struct {
	host  *private.Host
	depth int
	// thin types thin levels: the article's commands with a device for /usr.
	thin bool
}

// recipeImage is the path of the image on the host and in each level.
const recipeImage = "/root/image"

// copyImage copies the image to the host, where a person would already have it.
func (r recipe) copyImage(b *bundle.Bundle) error {
	image := b.Whole
	if r.thin {
		image = b.Thin
	}
	in, err := os.Open(image.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	root, err := r.host.Root().Local()
	if err != nil {
		return err
	}
	out, err := root.Create(recipeImage, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}

// follow runs all commands and returns the uid map that the last level shows.
func (r recipe) follow(ctx context.Context) (string, error) {
	for level := range r.depth {
		if err := r.delegate(ctx, level); err != nil {
			return "", err
		}
		if err := r.launch(ctx, level); err != nil {
			return "", err
		}
	}
	return r.exec(ctx, r.depth, "cat", "/proc/self/uid_map")
}

// delegate writes the subid files of a level, 0 for the host, and restarts its LXD.
func (r recipe) delegate(ctx context.Context, level int) error {
	allocation := idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Needed(r.depth - level)}
	if level > 0 {
		allocation.Start = idmap.Block
	}
	edit := fmt.Sprintf("sed -i /^root:/d /etc/subuid /etc/subgid && echo %[1]s >>/etc/subuid && echo %[1]s >>/etc/subgid", allocation)
	if _, err := r.exec(ctx, level, "sh", "-c", edit); err != nil {
		return err
	}
	if level == 0 {
		return host.RestartLXD(ctx, r.host)
	}
	_, err := r.exec(ctx, level, "sh", "-c", "old=$(pidof lxd) && kill $old && while kill -0 $old; do sleep 0.05; done 2>/dev/null; lxd waitready --timeout 60")
	return err
}

// launch makes the LXD at a level create and start the next level, and copies the image there.
func (r recipe) launch(ctx context.Context, level int) error {
	name := fmt.Sprintf("c%d", level+1)
	create := []string{"lxc", "launch", "nestbed", name}
	if r.thin {
		create[1] = "init"
	}
	if level+1 < r.depth {
		create = append(create, "-c", "security.nesting=true")
	}
	commands := [][]string{
		{"lxc", "storage", "create", "default", "dir"},
		{"lxc", "profile", "device", "add", "default", "root", "disk", "path=/", "pool=default"},
		{"lxc", "image", "import", recipeImage, "--alias", "nestbed"},
		create,
	}
	if r.thin {
		commands = append(commands,
			[]string{"lxc", "config", "device", "add", name, "usr", "disk", "source=/usr", "path=/usr", "readonly=true"},
			[]string{"lxc", "start", name})
	}
	commands = append(commands, []string{"lxc", "exec", name, "--", "lxd", "waitready", "--timeout", "60"})
	if level+1 < r.depth {
		commands = append(commands, []string{"lxc", "file", "push", recipeImage, name + "/root/"})
	}
	for _, command := range commands {
		if _, err := r.exec(ctx, level, command...); err != nil {
			return err
		}
	}
	return nil
}

// exec runs a command at a level, from the host through every level in between.
func (r recipe) exec(ctx context.Context, level int, command ...string) (string, error) {
	var through []string
	for i := range level {
		through = append(through, "lxc", "exec", fmt.Sprintf("c%d", i+1), "--")
	}
	return host.Exec(ctx, r.host, append(through, command...)...)
}
