// Package harness builds chains of nested unprivileged containers on a real LXD
// and looks at what came of them.
//
//	b, err := bundle.Make(ctx, bundle.Source{Kind: bundle.Installed}, nil)
//	h, err := host.Private(ctx, host.PrivateConfig{Delegation: idmap.Delegate(supply), Bundle: b})
//	defer h.Close(ctx)
//	chain, err := harness.Build(ctx, h, harness.Cascade(3))
//	defer chain.Close(ctx)
//
// Level 0 is the host, level N the container N deep, depth the number of
// containers. Each level runs the LXD that makes the next. Build does what a
// user would do at each level, in the same order, over the LXD API: it imports
// the image, creates the container, writes its subid files, starts it, and
// waits until the LXD inside answers.
//
// What scenarios do to a chain, or look for in it, is in a file each:
//
//	spec, build, makelevel, level,   from Spec to Chain;
//	chain                            verify and probe_*: what nestbed up looks at
//	import, phase                    the image on its way beside other work; how long an operation takes, and may take
//	outcome, classify                what happened, and why
//	diagnose, diagnosis, decisive    how to tell it to somebody who was not there; with them maptable, process, kernelfacts
//	fault                            what breaks while a chain is built
//	again, life, instance, update    what happens to a level that is up: restart, freeze, copy, another configuration
//	live, lxcfs, confine             what is done to a level before the next one is made, and what that covers
//	sibling*, subid, wall            containers beside a level, changed allocations, who reaches whom
//	carry, devlxd, owner, share      images and directories on their way inwards, and whose they are there
//	storage, ondisk, volume, spare   pools, volumes, and owners as they are on disk
//	deed, attempt, program, setting  what root of a level tries against a wall; with it ownnamespace
//	limit, cgroup, processors        limits, and the kernel's counters of them; with them machinememory
//	workload, runtime                containers that a level runs without a LXD
//	project                          what the project that a level is made in allows
//	cost                             what a chain takes, for package simulate
//	attach, enter                    a chain that runs on the host of another process
//	clock, memento, traces           what tells that something stood still, was kept, or is gone
//
// [Spec.Plan] says beforehand what must happen, [Chain.Outcome] what did, and
// [Contradiction] where they differ. [Verify] looks deeper into each level.
package harness
