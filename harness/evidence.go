package harness

import (
	"context"
	"fmt"
	"io"
	"strings"

	"nestbed/harness/classify"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
)

// Gather reads the logs of the LXD above. What cannot be read, or not soon as that LXD does not answer, is left out: the
// failure itself matters more.
func Gather(ctx context.Context, above Daemon, container string) classify.Evidence {
	var e classify.Evidence
	// Whatever ended with ctx, what LXD wrote about it is there.
	if log, err := above.Root().ReadFile(context.WithoutCancel(ctx), "/var/log/lxd.log"); err == nil {
		e.DaemonLog, e.DaemonErrors = string(log), reach.ErrorLines(string(log))
	}
	server, err := above.Root().Ask(ctx)
	if err != nil {
		return e
	}
	defer server.Disconnect()
	if r, err := lxdop.With(ctx, server).GetInstanceLogfile(container, "lxc.log"); err == nil {
		log, _ := io.ReadAll(io.LimitReader(r, inroot.TextLimit))
		_ = r.Close()
		e.LXCLog = string(log)
	}
	if instance, _, err := lxdop.With(ctx, server).GetInstance(container); err == nil {
		e.IDMap = instance.Config["volatile.idmap.next"]
	}
	return e
}

// circumstances are what the kernel knows of a level that could not be made and no log says: that processes were
// ended for want of memory, or that the LXD which was waited for has been stopped.
func (c *Chain) circumstances(ctx context.Context, above Daemon, stop idmap.Stop) []string {
	switch stop.Reason {
	case idmap.DaemonDied:
		return c.starved(stop.Level)
	case idmap.TimedOut:
		return c.standing(ctx, above, stop.Level-1)
	}
	return nil
}

// starved are the levels in which processes were ended for want of memory, from the host, level 0, to one that need not be up.
func (c *Chain) starved(level int) []string {
	var lines []string
	for i := range level + 1 {
		g, err := CgroupOf(c, i, "memory")
		if err != nil {
			return lines // nobody counts it on this machine
		}
		if n, err := g.Killed(); err == nil && n > 0 {
			lines = append(lines, fmt.Sprintf("memory of level %d: the kernel has ended %d processes for want of it (oom_kill)", i, n))
		}
	}
	return lines
}

// standing are the processes at a level that were stopped, as by SIGSTOP.
func (c *Chain) standing(ctx context.Context, at Daemon, level int) []string {
	list := func() (string, error) { return HostProcesses(c.Host) }
	if level > 0 {
		list = func() (string, error) { return LevelProcesses(ctx, at.Root()) }
	}
	all, err := list()
	if err != nil {
		return nil // the level has ended
	}
	var lines []string
	for line := range strings.Lines(all) {
		if strings.Contains(line, ", stopped: ") {
			lines = append(lines, fmt.Sprintf("at level %d: %s", level, strings.TrimSpace(line)))
		}
	}
	return lines
}
