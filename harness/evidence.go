package harness

import (
	"context"
	"io"

	"nestbed/harness/classify"
	"nestbed/harness/host"
	"nestbed/harness/internal/inroot"
)

// Gather reads the logs of the LXD above. What cannot be read, or not soon as that LXD does not answer, is left out: the
// failure itself matters more.
func Gather(ctx context.Context, above Daemon, container string) classify.Evidence {
	var e classify.Evidence
	if log, err := above.Root().ReadFile("/var/log/lxd.log"); err == nil {
		e.DaemonLog, e.DaemonErrors = string(log), host.Grave(string(log))
	}
	server, err := above.Root().Ask(ctx)
	if err != nil {
		return e
	}
	defer server.Disconnect()
	if r, err := server.GetInstanceLogfile(container, "lxc.log"); err == nil {
		log, _ := io.ReadAll(io.LimitReader(r, inroot.TextLimit))
		_ = r.Close()
		e.LXCLog = string(log)
	}
	if instance, _, err := server.GetInstance(container); err == nil {
		e.IDMap = instance.Config["volatile.idmap.next"]
	}
	return e
}
