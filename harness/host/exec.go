package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"nestbed/harness/internal/command"
)

// Exec runs a program on the host, as its root, and returns what it wrote to standard output. An exit status other
// than 0 is an error with what it wrote to standard error. After Close, the error is ErrClosed.
func (h *PrivateHost) Exec(ctx context.Context, argv ...string) (string, error) {
	return h.ExecIn(ctx, nil, argv...)
}

// ExecIn is Exec with a standard input.
func (h *PrivateHost) ExecIn(ctx context.Context, stdin io.Reader, argv ...string) (string, error) {
	inside, err := h.namespaces()
	if err != nil {
		return "", h.wrap(fmt.Sprintf("exec %q", argv), err)
	}
	defer inside.close()
	// nsenter, because only a process with one thread can enter a mount namespace. It is in every Debian (util-linux).
	cmd := command.New(ctx, "nsenter", append(append(inside.options(), "--"), argv...)...)
	cmd.ExtraFiles = inside
	cmd.Env = command.Environment()
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("host %s: exec %q: %w: %s", h.name, argv, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// RestartLXD ends the host's LXD, which leaves its containers running, and
// returns when the next one answers.
func (h *PrivateHost) RestartLXD(ctx context.Context) error {
	return h.restart(ctx, func(old int) (int, error) { return old, h.say(restartWord) })
}

// RestartLXDKilled is RestartLXD in which the next one is killed as soon as it answers, without a wait for it to be ready, and
// the one after that takes its place.
func (h *PrivateHost) RestartLXDKilled(ctx context.Context) error {
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

func (h *PrivateHost) restart(ctx context.Context, end func(old int) (int, error)) error {
	server, err := h.root.Restart(ctx, h.LXD(), h.died, end)
	if err != nil {
		return h.withLog(h.wrap("restart LXD", err))
	}
	h.setServer(server)
	return nil
}

// say tells the stage a word.
func (h *PrivateHost) say(word string) error {
	_, err := h.control.WriteString(word)
	return err
}

// Processes are those of the host and of everything on it, by their ids on the machine.
func (h *PrivateHost) Processes() ([]int, error) {
	pids, err := h.groups.processes()
	slices.Sort(pids)
	return pids, err
}
