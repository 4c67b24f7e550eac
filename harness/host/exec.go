package host

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// Exec runs a program on the host, as its root, and gives what it wrote to
// standard output. An exit status other than 0 is an error with what it wrote to standard error.
func (h *Host) Exec(ctx context.Context, command ...string) (string, error) {
	// nsenter, as it takes a process of one thread to enter a mount namespace. It is in every Debian (util-linux).
	args := append([]string{"--target", strconv.Itoa(h.Pid()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--"}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("host %s: exec %q: %w: %s", h.Name, command, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// RestartLXD ends the host's LXD, which leaves its containers running, and
// returns when the next one answers.
func (h *Host) RestartLXD(ctx context.Context) error {
	server, err := h.root.Succeed(ctx, h.server, h.died, func() error {
		_, err := h.control.WriteString(restartWord)
		return err
	})
	if err != nil {
		return h.withLog(h.wrap("restart LXD", err))
	}
	h.server = server
	return nil
}

// Succeed has end end the LXD of this root, which somebody starts again, and gives a client of the next one.
// died is that of Connect.
func (r *Root) Succeed(ctx context.Context, old lxd.InstanceServer, died, end func() error) (lxd.InstanceServer, error) {
	before, _, err := old.GetServer()
	if err != nil {
		return nil, err
	}
	if err := end(); err != nil {
		return nil, err
	}
	old.Disconnect()
	var server lxd.InstanceServer
	err = wait.For(ctx, "wait for the next LXD", readyBudget, func(ctx context.Context) error {
		if server, err = r.Connect(ctx, died); err != nil {
			return err
		}
		now, _, err := server.GetServer()
		if err == nil && now.Environment.ServerPid == before.Environment.ServerPid {
			err = fmt.Errorf("the one with pid %d still answers", now.Environment.ServerPid)
		}
		if err != nil {
			server.Disconnect()
		}
		return err
	})
	return server, err
}
