package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
	"nestbed/harness/report"
)

// defaultStart is the first id of the host's allocation, as in the article.
const defaultStart = 500000

type upFlags struct {
	machine environment.Machine

	depth      int
	allocation string
	bundle     string
	state      string
	svg        string
	host       string
	pool       string
	members    []string
	whole      bool
	keep       bool
	json       bool
}

func newUp(m environment.Machine) *cobra.Command {
	f := upFlags{machine: m}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build a chain, verify it, show it and take it down",
		Long: `Builds a chain of nested unprivileged containers on a private LXD, verifies each
level, prints the results and takes everything down.

Every level keeps 65536 ids and delegates the rest. Without --allocation the host gets
exactly enough. With a smaller allocation the chain stops, and up says at which level,
in which operation and why.`,
		Example: `  nestbed up                           # c1/c2/c3 with root:500000:196608
  nestbed up --depth 8                 # deeper, with the allocation that this needs
  nestbed up --allocation root:500000:131072
                                       # too small: says where and why the chain stops
  nestbed up --bundle host=debian:bookworm,2=debian:trixie/incus
                                       # Debian 12's LXD, and Incus at level 2
  nestbed up --svg chain.svg           # also write the drawing, for a report
  nestbed up --host vm                 # in a virtual machine, without root
  nestbed up --host system             # in a project of the existing LXD
  nestbed up --host https://HOST:8443  # on another machine; nestbed trust comes first
  nestbed up --keep                    # leave it running and say how to enter it`,
		Args: wrongUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().IntVar(&f.depth, "depth", 3, fmt.Sprintf("number of levels, 1 to %d", harness.MaxDepth))
	cmd.Flags().StringVar(&f.allocation, "allocation", "", "the host's allocation, owner:start:count (default root:500000 with 65536 ids per level)")
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "what runs: "+bundle.Forms+"; or host=SOURCE,2=SOURCE for single levels (default: chosen for this machine)")
	cmd.Flags().StringVar(&f.state, "state", "", "state directory, empty or new (default: a new one, in memory or under "+private.StateRoot{Dir: m.State}.Path()+")")
	cmd.Flags().StringVar(&f.host, "host", "private", "where to build: "+host.TargetForms())
	svgFlag(cmd, &f.svg)
	cmd.Flags().StringVar(&f.pool, "pool", "", "with --host system or https://...: storage pool for level 1 (default: a new one on a directory)")
	cmd.Flags().StringSliceVar(&f.members, "members", nil, "in a cluster: candidates for the member that gets the chain (default all)")
	cmd.Flags().BoolVar(&f.whole, "whole", false, "give every level its own writable /usr, instead of that of the level above")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "leave the chain running")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as JSON, and progress on standard error")
	return cmd
}

// parse returns the chain and the host's allocation that the flags describe. An error means wrong
// use.
func (f upFlags) parse() (harness.Spec, idmap.Delegation, error) {
	spec := harness.Spec{}
	if f.depth > 0 && f.depth <= harness.MaxDepth {
		spec = harness.Cascade(f.depth)
	}
	spec.Whole = f.whole
	if err := spec.Validate(); err != nil {
		return spec, idmap.Delegation{}, fmt.Errorf("--depth %d: out of range; a chain has 1 to %d levels", f.depth, harness.MaxDepth)
	}
	a := idmap.Allocation{Owner: idmap.Root, Start: defaultStart, Count: idmap.Needed(f.depth)}
	if f.allocation != "" {
		var err error
		if a, err = idmap.ParseAllocation(f.allocation); err != nil {
			return spec, idmap.Delegation{}, fmt.Errorf("--allocation: %w", err)
		}
	}
	return spec, idmap.Delegate(a), nil
}

func (f upFlags) run(cmd *cobra.Command) (err error) {
	spec, allocation, err := f.parse()
	if err != nil {
		return &usageError{err}
	}
	if err := checkSVG(f.svg); err != nil {
		return err
	}
	where, err := host.ParseTarget(f.host)
	if err == nil {
		err = f.checkHost(where)
	}
	if err != nil {
		return &usageError{err}
	}
	if where.Suite != "" {
		return f.inVM(cmd, where.Suite)
	}
	site, err := f.site(where)
	if err != nil {
		return err
	}
	out, progress := cmd.OutOrStdout(), newProgress(cmd.ErrOrStderr())
	defer progress.done()
	if f.json {
		out = io.Discard
	}
	ctx := cmd.Context()
	if site.Private() {
		// It takes a while, and reading the bundle's files leaves a processor free.
		go func() { _, _ = inventory.Room() }() // makePrivate returns its error
	}
	b, others, err := f.makeBundles(ctx, site, progress)
	if err != nil {
		return orInterrupted(ctx, err)
	}
	for level, other := range others {
		spec.Levels[level-1].Bundle = other
	}
	needs := start.Needs{Delegation: allocation, Bundle: b}
	if site.Private() {
		progress.spin("starting a private host")
		err = f.makePrivate(ctx, &needs)
	} else {
		progress.spin("making a project on the LXD at " + site.LXD.Address)
	}
	if err != nil {
		return orInterrupted(ctx, err)
	}
	h, err := site.Start(ctx, needs)
	if err != nil {
		return orInterrupted(ctx, err)
	}
	// Ending the host unblocks everything that waits for its LXD.
	defer context.AfterFunc(ctx, func() { host.Abort(h) })()
	var chain *harness.Chain
	defer func() {
		// Closing the host first ends the chain at once.
		late := context.WithoutCancel(ctx)
		err = errors.Join(orInterrupted(ctx, err), h.Close(late), chain.Close(late))
	}()
	progress.done()
	fmt.Fprintf(out, "%s\n\nhost     %s   %s\n", h.Facts(), report.Seconds(h.Took()), describeIDs(h, site.LXD.Address))

	spec.OnLevel = func(l *harness.Level) {
		progress.done()
		fmt.Fprintf(out, "level %-2d %s   %s is up%s\n", l.Index, report.Seconds(l.Took), l.Name, report.DaemonSuffix(l.Bundle, b))
		if l.Index < f.depth {
			progress.spin(fmt.Sprintf("building level %d of %d", l.Index+1, f.depth))
		}
	}
	progress.spin(fmt.Sprintf("building level 1 of %d", f.depth))
	chain, err = harness.Build(ctx, h, spec)
	progress.done()
	var stopped *harness.LevelError
	if err != nil && !errors.As(err, &stopped) {
		return err
	}
	progress.spin("verifying")
	began := time.Now()
	result, err := report.Collect(ctx, h, chain)
	progress.done()
	if err != nil {
		return err
	}
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), result)
	} else {
		err = writeResult(out, result, time.Since(began))
	}
	if result.Stop == nil {
		// A chain that stopped must not replace an earlier drawing.
		err = errors.Join(err, writeSVG(f.svg, result.Bars(), result.Title()))
	}
	if f.keep {
		// A chain that stopped is kept too, so that it can be looked into.
		err = errors.Join(err, keep(cmd.ErrOrStderr(), h, chain))
	}
	return errors.Join(err, result.Failure())
}

// checkHost refuses flags that do not apply to the kind of host.
func (f upFlags) checkHost(where host.Target) error {
	switch {
	case f.pool != "" && !where.System:
		return fmt.Errorf("--pool: only for --host system or https://..., got --host %s", f.host)
	case len(f.members) > 0 && !where.System:
		return fmt.Errorf("--members: only for --host system or https://..., got --host %s", f.host)
	case where.System && f.state != "":
		return errors.New("--state: an existing LXD keeps its own state; leave it out with --host " + f.host)
	case where.System && f.keep:
		return errors.New("--keep: not supported on an existing LXD; leave it out with --host " + f.host)
	}
	return nil
}

// describeIDs says where the ids of a chain come from.
func describeIDs(h host.Host, socket string) string {
	project, is := h.(host.Project)
	if !is {
		return fmt.Sprintf("allocation %s", h.Traits().Delegation)
	}
	on := ""
	if member := host.Member(h); member != "" {
		on = ", on its member " + member
	}
	return fmt.Sprintf("project %s of the LXD at %s%s   %d isolated ids for level 1", h.Name(), socket, on, project.IDCount())
}

// site returns where the host is made.
func (f upFlags) site(where host.Target) (start.Site, error) {
	s, err := start.At(f.machine.Locate(where), f.machine.Keyring)
	s.StateRoot.Dir, s.StateDir, s.Pool, s.Members = f.machine.State, f.state, f.pool, f.members
	return s, err
}

// makePrivate adds what the chain needs from a private host. The host shares this process's pid
// namespace only if the chain would otherwise be too deep for the kernel. A kept chain's state is
// on disk, so that it takes no memory.
func (f upFlags) makePrivate(ctx context.Context, n *start.Needs) error {
	if !f.keep {
		n.InMemory = f.depth
	}
	room, err := inventory.Levels(ctx, false)
	n.SharePIDs = f.depth > room
	return err
}
