package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// Exec runs a program on the host, as its root, and gives what it wrote to
// standard output. An exit status other than 0 is an error with what it wrote to standard error.
func (h *Host) Exec(ctx context.Context, command ...string) (string, error) {
	return h.ExecIn(ctx, nil, command...)
}

// ExecIn is Exec with a standard input.
func (h *Host) ExecIn(ctx context.Context, stdin io.Reader, command ...string) (string, error) {
	if err := h.RequirePrivate("run a program"); err != nil {
		return "", err
	}
	// nsenter, as it takes a process of one thread to enter a mount namespace. It is in every Debian (util-linux).
	args := append([]string{"--target", strconv.Itoa(h.Pid()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--"}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdin = stdin
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
	return h.restart(ctx, func(old int) (int, error) { return old, h.say(restartWord) })
}

// RestartLXDKilled is RestartLXD in which the next one is killed as soon as it answers, without a wait for it to be ready, and
// the one after that takes its place.
func (h *Host) RestartLXDKilled(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) {
		if err := h.say(restartWord); err != nil {
			return 0, err
		}
		next, err := h.root.Next(ctx, old)
		if err != nil {
			return 0, err
		}
		return next, h.say(killWord)
	})
}

func (h *Host) restart(ctx context.Context, end func(old int) (int, error)) error {
	if err := h.RequirePrivate("restart it"); err != nil {
		return err
	}
	server, err := h.root.Succeed(ctx, h.server, h.died, end)
	if err != nil {
		return h.withLog(h.wrap("restart LXD", err))
	}
	h.server = server
	return nil
}

// say tells the stage a word.
func (h *Host) say(word string) error {
	_, err := h.control.WriteString(word)
	return err
}

// Next waits until another LXD than the one with the given id, which is that inside this root, answers, and gives its own. It may
// not be ready yet.
func (r *Root) Next(ctx context.Context, old int) (next int, err error) {
	err = wait.For(ctx, "wait for the next LXD to answer", readyBudget, func(ctx context.Context) error {
		server, err := r.client(ctx)
		if err != nil {
			return err
		}
		defer server.Disconnect()
		next, err = otherThan(old, server)
		return err
	})
	return next, err
}

// otherThan is the id of the LXD that answers, unless that is the old one.
func otherThan(old int, server lxd.InstanceServer) (int, error) {
	now, _, err := server.GetServer()
	if err == nil && now.Environment.ServerPid == old {
		err = fmt.Errorf("the one with pid %d still answers", old)
	}
	if err != nil {
		return 0, err
	}
	return now.Environment.ServerPid, nil
}

// Succeed has end end the LXD of this root, which somebody starts again, and gives a client of the next one. end
// is given its id, inside this root, and returns that of the last one that it has ended. died is that of Connect.
func (r *Root) Succeed(ctx context.Context, old lxd.InstanceServer, died func() error, end func(old int) (int, error)) (lxd.InstanceServer, error) {
	before, _, err := old.GetServer()
	if err != nil {
		return nil, err
	}
	r.Rest()
	last, err := end(before.Environment.ServerPid)
	if err != nil {
		return nil, err
	}
	old.Disconnect()
	var server lxd.InstanceServer
	err = wait.For(ctx, "wait for the next LXD", readyBudget, func(ctx context.Context) error {
		if server, err = r.Connect(ctx, died); err != nil {
			return err
		}
		_, err := otherThan(last, server)
		if err != nil {
			server.Disconnect()
		}
		return err
	})
	return server, err
}
