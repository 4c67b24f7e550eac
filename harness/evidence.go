package harness

import (
	"context"
	"io"

	"nestbed/harness/host"
	"nestbed/harness/internal/inroot"
)

// gather reads the logs of the LXD above. What cannot be read, or not soon as that LXD does not answer, is left out: the
// failure itself matters more.
func gather(ctx context.Context, above daemon, container string) evidence {
	var e evidence
	if log, err := above.Root().ReadFile("/var/log/lxd.log"); err == nil {
		e.daemonLog, e.daemonErrors = string(log), host.Grave(string(log))
	}
	server, err := above.Root().Ask(ctx)
	if err != nil {
		return e
	}
	defer server.Disconnect()
	if r, err := server.GetInstanceLogfile(container, "lxc.log"); err == nil {
		log, _ := io.ReadAll(io.LimitReader(r, inroot.TextLimit))
		_ = r.Close()
		e.lxcLog = string(log)
	}
	if instance, _, err := server.GetInstance(container); err == nil {
		e.idmap = instance.Config["volatile.idmap.next"]
	}
	return e
}
