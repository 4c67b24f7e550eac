// Package upgrade replaces the LXD of the host or of a level while the chain runs.
package upgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/classify"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
)

// kept are the paths that an upgrade does not overwrite: directories that no package contains,
// files of the level's administrator, and the sentinel, which shows how the level's image arrived.
var kept = []string{"dev", "proc", "sys", "run", "tmp", "var/lib/lxd", "var/log", "etc/subuid", "etc/subgid", bundle.SentinelPath}

// Replace replaces the LXD of the host (level 0) or of a level by that of another bundle, newer or
// older, while the chain runs. Like a package upgrade, it overwrites the files and then ends LXD
// by SIGTERM, which leaves the containers running. It returns when the new LXD answers. The chain
// needs Spec.Whole.
//
// An LXD ends at its start if its database is of a newer version, and changes nothing. The error
// is then a *harness.LevelError with the reason DatabaseNewer. The level keeps running, without an
// LXD that answers, and its LXD can be replaced once more; the host ends with its LXD.
func Replace(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle) error {
	restart := c.RestartLXD
	if level > 0 && !answers(ctx, c, level) { // the level's init starts the next one
		restart = func(ctx context.Context, level int) error { return c.Levels[level-1].Connect(ctx) }
	}
	return replace(ctx, c, level, b, restart)
}

// ReplaceInterrupted is like Replace, but kills the new LXD as soon as it first answers, before it
// is ready, and starts it again.
func ReplaceInterrupted(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle) error {
	return replace(ctx, c, level, b, func(ctx context.Context, level int) error {
		if level == 0 {
			return host.RestartLXDKilled(ctx, c.Host)
		}
		l, err := c.Level(level)
		if err != nil {
			return err
		}
		return harness.RestartLXDKilled(ctx, l)
	})
}

func replace(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle, restart func(context.Context, int) error) error {
	if err := sameFlavor(c.Spec.DaemonBundle(c.Host.Traits(), level), b); err != nil {
		return fmt.Errorf("level %d: upgrade: %w", level, err)
	}
	if err := layOver(ctx, c, level, b); err != nil {
		return err
	}
	if err := noteBundle(c, level, b); err != nil {
		return err
	}
	if err := restart(ctx, level); err != nil {
		return refusal(level, err)
	}
	var errs []error
	for _, companion := range c.Companions() {
		errs = append(errs, companion.Replaced(ctx, level))
	}
	return errors.Join(errs...)
}

// sameFlavor returns an error if one bundle is LXD and the other Incus.
func sameFlavor(old, next *bundle.Bundle) error {
	if old.Flavor.Incus() == next.Flavor.Incus() {
		return nil
	}
	return fmt.Errorf("it runs %s, which cannot be replaced by %s; migrate from LXD to Incus with lxd-to-incus", old.Daemon(), next.Daemon())
}

// answers reports whether the LXD of a level answers. It does not if it was replaced by one that
// does not run.
func answers(ctx context.Context, c *harness.Chain, level int) bool {
	l, err := c.Level(level)
	if err != nil {
		return false
	}
	_, _, err = lxdop.With(ctx, l.LXD()).GetServer()
	return err == nil
}

// refusal returns a *harness.LevelError if an LXD did not start because of its database, and other
// errors as they are.
func refusal(level int, err error) error {
	reason, evidence := classify.Reason(err, classify.Evidence{})
	if reason != idmap.DatabaseNewer {
		return err
	}
	return &harness.LevelError{Stop: idmap.Stop{Level: level, Op: idmap.OpReplace, Reason: reason}, Err: err, Evidence: evidence}
}

// layOver unpacks the files of a bundle over those of the host (level 0) or of a level, as its
// root.
func layOver(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle) error {
	for _, l := range c.Levels {
		if l.Thin && (l.Index == level || l.Index == level+1) {
			return fmt.Errorf("level %d: overwrite its files: levels %d and %d share /usr; set Spec.Whole", level, l.Index-1, l.Index)
		}
	}
	args := []string{"--create", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--directory", b.Root()}
	for _, name := range kept {
		args = append(args, "--exclude=./"+filepath.Clean("./"+name))
	}
	pack := command.New(ctx, "tar", append(args, ".")...)
	var said bytes.Buffer
	pack.Stderr = &said
	files, err := pack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pack.Start(); err != nil {
		return err
	}
	unpack := []string{"tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--file=-", "--directory=/"}
	unpacked := execIn(ctx, c, level, files, unpack...)
	if unpacked != nil {
		_, _ = io.Copy(io.Discard, files) // so that tar can exit
	}
	if err := pack.Wait(); err != nil && unpacked == nil {
		return fmt.Errorf("bundle %s: pack: %w: %s", b, err, bytes.TrimSpace(said.Bytes()))
	}
	if unpacked != nil {
		return fmt.Errorf("level %d: overwrite its files with those of bundle %s: %w", level, b, unpacked)
	}
	return nil
}

// execIn runs a program on the host (level 0) or in a level, with the given standard input.
func execIn(ctx context.Context, c *harness.Chain, level int, stdin io.Reader, command ...string) error {
	if level == 0 {
		_, err := host.ExecIn(ctx, c.Host, stdin, command...)
		return err
	}
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	_, err = l.ExecAs(ctx, 0, stdin, command...)
	return err
}

// noteBundle records in the chain that a level, or the host, runs b from now on. The bundles of
// the others do not change.
func noteBundle(c *harness.Chain, level int, b *bundle.Bundle) error {
	for i := range c.Spec.Levels {
		c.Spec.Levels[i].Bundle = c.Spec.BundleOf(c.Host.Traits(), i+1)
	}
	if level == 0 {
		return host.Runs(c.Host, b)
	}
	c.Spec.Levels[level-1].Bundle = b
	c.Levels[level-1].Bundle = b
	return nil
}

// CheckProgram checks by SHA-256 that the LXD that runs on the host (level 0) or at a level is the
// bundle's program, because different builds can report the same version.
func CheckProgram(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle) ([]harness.Check, error) {
	d, err := c.Daemon(level)
	if err != nil {
		return nil, err
	}
	server, _, err := lxdop.With(ctx, d.LXD()).GetServer()
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", level, err)
	}
	_, program, err := b.OpenProgram()
	if err != nil {
		return nil, err
	}
	defer program.Close()
	info, err := program.Stat()
	if err != nil {
		return nil, err
	}
	limit := info.Size() + 1 // a longer program differs
	wanted, err := sum(program, limit)
	if err != nil {
		return nil, err
	}
	running, err := runningProgram(d.Root(), server.Environment.ServerPid)
	if err != nil {
		return nil, fmt.Errorf("level %d: its LXD: %w", level, err)
	}
	defer running.Close()
	got, err := sum(running, limit)
	if err != nil {
		return nil, fmt.Errorf("level %d: its LXD: %w", level, err)
	}
	what := fmt.Sprintf("SHA-256 of its LXD, beside that of bundle %s", b)
	return []harness.Check{{Level: level, What: what, Wanted: wanted, Got: got}}, nil
}

// sum returns the SHA-256 of up to limit bytes.
func sum(r io.Reader, limit int64) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, io.LimitReader(r, limit))
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// runningProgram opens the executable of a process.
func runningProgram(root *reach.Root, pid int) (*os.File, error) {
	local, err := root.Local()
	if err != nil {
		return nil, err
	}
	p, err := local.Process(pid)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Program()
}

// LoseLogs deletes the log directories that the LXD of the host (level 0) or of a level has for
// its containers. They also contain the configuration that liblxc was started with.
func LoseLogs(ctx context.Context, c *harness.Chain, level int) error {
	_, err := c.ExecAt(ctx, level, "sh", "-c", "rm -r /var/log/lxd/*/")
	return err
}
