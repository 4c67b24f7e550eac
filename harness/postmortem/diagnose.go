// Package postmortem reports the state of a chain after a failure: the maps beside the planned
// ones, and the logs, mounts, cgroups and processes of each level. It works while an LXD does not
// answer.
package postmortem

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/commands"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// diagnoseBudget bounds a whole diagnosis, even if something hangs. Three levels take 0.1 s.
const diagnoseBudget = 20 * time.Second

// Diagnose looks at the host, at every level, and at the level that could not be made. It waits
// only for a bounded time, and needs no LXD for what the kernel shows.
func Diagnose(ctx context.Context, c *harness.Chain) *Diagnosis {
	if c == nil {
		return &Diagnosis{}
	}
	budget := wait.Scale(ctx, diagnoseBudget)
	ctx, cancel := context.WithTimeoutCause(ctx, budget, fmt.Errorf("%w: a diagnosis has %s", wait.ErrTimeout, budget))
	defer cancel()
	d := &Diagnosis{
		Host: c.Host.Name(), Facts: c.Host.Facts().String(), Allocation: c.Host.Traits().Delegation.String(),
		Plan: c.Plan, Stop: c.Stop, ByHand: commands.Script(c.Daemons()), Seen: map[int]idmap.PlannedLevel{}, Unseen: map[int]error{},
	}
	roots := []*reach.Root{c.Host.Root()}
	for _, l := range c.Levels {
		roots = append(roots, l.Root())
	}
	seeMaps(ctx, c, d, roots)
	last := len(c.Levels)
	if last < len(c.Spec.Levels) { // the level that could not be made or no longer runs
		last++
	}
	d.Places = make([]Place, last+1)
	answers := make([]answer, len(roots))
	each := func(n int, do func(i int)) {
		var g sync.WaitGroup
		for i := range n {
			g.Go(func() { do(i) })
		}
		g.Wait()
	}
	d.Kernel = part(ctx, "kernel", func() (string, error) { return kernelFacts(c.Host) })
	// All at once, and within half of the budget: an LXD that does not answer must not take the
	// time of the others.
	asking, enough := context.WithTimeoutCause(ctx, budget/2, errNoAnswer)
	defer enough()
	each(len(roots), func(i int) { answers[i] = ask(asking, roots[i]) })
	each(len(d.Places), func(i int) {
		p := Place{Level: i, Name: "host"}
		if i > 0 {
			p.Name = harness.ContainerName(i)
			p.addContainer(ctx, roots[i-1], answers[i-1])
		}
		if i < len(roots) {
			p.Parts = append(p.Parts, answers[i].part())
			pid := "1"
			if i == 0 {
				pid = fmt.Sprint(c.Host.Pid())
			}
			p.addInside(ctx, roots[i], pid)
			p.Parts = append(p.Parts, part(ctx, "processes", func() (string, error) {
				if i == 0 {
					return harness.HostProcesses(c.Host)
				}
				return harness.LevelProcesses(ctx, roots[i])
			}))
		}
		d.Places[i] = p
	})
	return d
}

// seeMaps reads the maps of the levels from the top. It computes a level's parent ids from its
// host ids and those of the level above.
func seeMaps(ctx context.Context, c *harness.Chain, d *Diagnosis, roots []*reach.Root) {
	above := idmap.PlannedLevel{Map: c.Host.Traits().Map, Host: c.Host.Traits().Map}
	for i, l := range c.Levels {
		seen, err := read(ctx, func() (idmap.PlannedLevel, error) {
			m, err := roots[i+1].IDMap(ctx, "1")
			if err != nil {
				return idmap.PlannedLevel{}, err
			}
			same, err := harness.SameUserNamespace(ctx, roots[i], roots[i+1])
			if same { // a privileged level has the map of the level above
				return idmap.PlannedLevel{Level: l.Index, Map: above.Map, Host: m}, err
			}
			return idmap.PlannedLevel{Level: l.Index, Map: parentIDs(m, above.Host), Host: m}, err
		})
		if err != nil {
			d.Unseen[l.Index] = err
			for _, further := range c.Levels[i+1:] {
				d.Unseen[further.Index] = fmt.Errorf("level %d above it was not read", l.Index)
			}
			return
		}
		d.Seen[l.Index] = seen
		above = seen
	}
}

// parentIDs returns the map of a level in parent ids, from its map and its parent's in host ids.
// The kernel accepts a line of a map only within one line of the parent's.
func parentIDs(m, parent idmap.Map) idmap.Map {
	in := func(own, parent []idmap.Mapping) (out []idmap.Mapping) {
		for _, o := range own {
			if id, ok := idmap.Down(parent, o.Parent); ok {
				out = append(out, idmap.Mapping{Inside: o.Inside, Parent: id, Count: o.Count})
			}
		}
		return out
	}
	return idmap.Map{UID: in(m.UID, parent.UID), GID: in(m.GID, parent.GID)}
}

var errNoAnswer = errors.New("LXD has not answered")

// answer is an LXD's list of its containers, or why it gave none.
type answer struct {
	containers []api.Instance
	err        error
}

// ask asks an LXD through a client with short timeouts. The chain's client would wait too long for
// one that hangs.
func ask(ctx context.Context, root *reach.Root) answer {
	found, err := read(ctx, func() ([]api.Instance, error) {
		server, err := root.Ask(ctx)
		if err != nil {
			return nil, err
		}
		defer server.Disconnect()
		return settledContainers(ctx, server)
	})
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		err = fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return answer{found, err}
}

// settleBudget bounds how long LXD may take to clean up after a container that has ended. It takes
// less than a second.
const settleBudget = 5 * time.Second

// settledContainers lists the containers as soon as none is Running without a process, or after
// the budget. While LXD cleans up after a container, it reports the container as Running, whatever
// it was before (LXD: lxd/instance/drivers/driver_lxc.go, statusCode).
func settledContainers(ctx context.Context, server lxd.InstanceServer) (found []api.Instance, err error) {
	err = wait.For(ctx, "wait for LXD to clean up", settleBudget, func(ctx context.Context) (err error) {
		if found, err = lxdop.With(ctx, server).GetInstances(api.InstanceTypeAny); err != nil {
			return wait.Final(err)
		}
		for _, c := range found {
			if c.StatusCode != api.Running {
				continue
			}
			state, _, err := lxdop.With(ctx, server).GetInstanceState(c.Name)
			if err == nil && (state.StatusCode != api.Running || state.Pid <= 0) {
				return fmt.Errorf("%s is Running, without a process", c.Name)
			}
		}
		return nil
	})
	if errors.Is(err, wait.ErrTimeout) { // report what LXD says
		err = nil
	}
	return found, err
}

func (a answer) part() Part {
	text := ""
	for _, c := range a.containers {
		text += fmt.Sprintf("%s %s\n", c.Name, c.Status)
	}
	return Part{Title: "its LXD's containers", Text: text, Err: a.err}
}

// part reads one part of a diagnosis. It gives up when ctx ends.
func part(ctx context.Context, title string, do func() (string, error)) Part {
	text, err := read(ctx, do)
	return Part{title, text, err}
}

// read calls do, which may hang in the kernel or in an LXD, and abandons it when ctx ends.
func read[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		got T
		err error
	}
	done := make(chan result, 1)
	go func() {
		got, err := do()
		done <- result{got, err}
	}()
	select {
	case r := <-done:
		return r.got, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
