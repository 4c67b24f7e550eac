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

// Gather reads the logs of the LXD above. It leaves out what it cannot read, or what LXD does not
// answer soon: the failure itself matters more.
func Gather(ctx context.Context, above Daemon, container string) classify.Evidence {
	var e classify.Evidence
	// If ctx has ended, the log says why.
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

// kernelEvidence returns what only the kernel knows about a level that could not be made: processes
// that it ended because memory ran out, or that the LXD above was stopped.
func (c *Chain) kernelEvidence(ctx context.Context, above Daemon, stop idmap.Stop) []string {
	switch stop.Reason {
	case idmap.DaemonDied:
		return c.memoryKills(stop.Level)
	case idmap.TimedOut:
		return c.stoppedProcesses(ctx, above, stop.Level-1)
	}
	return nil
}

// memoryKills returns a line for each level, from the host to the given one, in which the kernel
// ended processes because memory ran out. The given level need not be up.
func (c *Chain) memoryKills(level int) []string {
	var lines []string
	for i := range level + 1 {
		g, err := CgroupOf(c, i, "memory")
		if err != nil {
			return lines // this machine has no memory controller
		}
		if n, err := g.Killed(); err == nil && n > 0 {
			lines = append(lines, fmt.Sprintf("level %d: the kernel killed %d processes because memory ran out (oom_kill)", i, n))
		}
	}
	return lines
}

// stoppedProcesses returns a line for each process at a level that is stopped, for example by
// SIGSTOP.
func (c *Chain) stoppedProcesses(ctx context.Context, at Daemon, level int) []string {
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
