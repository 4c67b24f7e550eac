package simulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
)

// A Meter measures the cost of a chain on an existing LXD, with levels reached through LXD exec
// as on the members of a cluster. The LXD of a private host takes the place of a member.
type Meter struct {
	Bundle *bundle.Bundle
	Depth  int
	// StateRoot records the private host while it exists.
	StateRoot private.StateRoot
	// AtOnce lists numbers of chains to build in parallel, in ascending order. Rounds is how
	// often each of them is repeated.
	AtOnce []int
	Rounds int
	// Progress is called with descriptions of the current step.
	Progress func(what string)

	member *private.Host
}

// Measure builds one chain to warm up, one to measure its disk space, and then those of AtOnce.
func (m Meter) Measure(ctx context.Context) (c Cost, err error) {
	ids := idmap.Allocation{Owner: idmap.Root, Start: FirstID, Count: uint32(IDs(m.Depth, slices.Max(m.AtOnce)))}
	member, err := private.Start(ctx, private.Config{StateRoot: m.StateRoot, Delegation: idmap.Delegate(ids), Bundle: m.Bundle, SharePIDs: true})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, member.Close(context.WithoutCancel(ctx))) }()
	m.member = member
	c = Cost{Machine: fmt.Sprintf("%s, %d processors", member.Facts(), runtime.NumCPU()), Depth: m.Depth, Processors: float64(runtime.NumCPU())}

	m.Progress("building a chain to warm up")
	if err := m.chain(ctx, nil); err != nil {
		return c, err
	}
	if err := m.disk(ctx, &c); err != nil {
		return c, err
	}
	for _, atOnce := range m.AtOnce {
		m.Progress(fmt.Sprintf("building %d chains, %d at a time", atOnce*m.Rounds, atOnce))
		if err := m.load(ctx, &c, atOnce); err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

const mb = 1e6 // bytes

// disk measures the disk space of one chain on a member that has no others.
func (m Meter) disk(ctx context.Context, c *Cost) error {
	image, err := os.Stat(m.Bundle.Whole.Path)
	if err != nil {
		return err
	}
	memory, err := m.member.Memory()
	if err != nil {
		return err
	}
	idle, err := m.member.Disk()
	if err != nil {
		return err
	}
	var held int64
	err = m.chain(ctx, func() (err error) {
		held, err = m.member.Disk()
		return err
	})
	c.IdleMemoryMB = float64(memory) / mb
	c.IdleDiskMB, c.DiskMB, c.ImageMB = float64(idle)/mb, float64(held-idle)/mb, float64(image.Size())/mb
	return err
}

// load measures the time, memory and processor time of the given number of chains at a time.
func (m Meter) load(ctx context.Context, c *Cost, atOnce int) error {
	before, err := m.used()
	if err != nil {
		return err
	}
	began := time.Now()
	peak, err := m.together(ctx, atOnce)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds() / float64(m.Rounds)
	after, err := m.used()
	c.Loads = append(c.Loads, Load{Chains: atOnce, Seconds: took, MemoryMB: float64(peak) / mb})
	n := float64(atOnce * m.Rounds)
	c.MemberCPUSeconds, c.RunnerCPUSeconds = (after.member-before.member).Seconds()/n, (after.runner-before.runner).Seconds()/n
	return err
}

// chain builds a chain, calls look unless that is nil, and removes the chain.
func (m Meter) chain(ctx context.Context, look func() error) (err error) {
	h, err := existing.Start(ctx, existing.Config{
		Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: FirstID, Count: idmap.Needed(m.Depth)}),
		Bundle:     m.Bundle, LXD: existing.LXD{Address: m.member.Socket()}, ViaExec: true,
	})
	if err != nil {
		return err
	}
	var chain *harness.Chain
	defer func() {
		late := context.WithoutCancel(ctx)
		err = errors.Join(err, h.Close(late), chain.Close(late))
	}()
	if chain, err = harness.Build(ctx, h, harness.Cascade(m.Depth)); err != nil || look == nil {
		return err
	}
	return look()
}

// together builds chains, atOnce of them at a time, and returns the member's peak memory in
// bytes.
func (m Meter) together(ctx context.Context, atOnce int) (int64, error) {
	peak := m.member.WatchMemory(ctx)
	all, ctx := errgroup.WithContext(ctx)
	for range atOnce {
		all.Go(func() error {
			for range m.Rounds {
				if err := m.chain(ctx, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	failed := all.Wait()
	most, err := peak()
	return most, errors.Join(failed, err)
}

// used is the processor time used so far, on the member and by this process.
type used struct{ member, runner time.Duration }

func (m Meter) used() (u used, err error) {
	if u.member, err = m.member.CPU(); err != nil {
		return u, err
	}
	u.runner, err = inventory.OwnCPU()
	return u, err
}

// UsualLoads returns the loads that show how a member's processors are shared: one chain, one
// per processor, and the default number of chains at a time.
func UsualLoads() []int {
	most := inventory.SideBySide()
	loads := []int{1, min(runtime.NumCPU(), most), most}
	slices.Sort(loads)
	return slices.Compact(loads)
}
