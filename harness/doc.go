// Package harness builds chains of nested unprivileged containers on a real LXD or Incus.
//
//	b, err := bundle.Store{}.Make(ctx, bundle.Source{Kind: bundle.Installed})
//	h, err := private.Start(ctx, private.Config{Delegation: idmap.Delegate(supply), Bundle: b})
//	defer h.Close(ctx)
//	chain, err := harness.Build(ctx, h, harness.Cascade(3))
//	defer chain.Close(ctx)
//
// Level 0 is the host, level N the container N deep. The depth is the number of containers. Each
// level runs the LXD that makes the next level. Build does what a user would do at each level, in
// the same order, over the LXD API: it imports the image, creates the container, writes its subid
// files, starts it, and waits until the LXD inside answers.
//
// [Spec.Plan] computes what must happen, [Chain.Outcome] reads what did happen, and
// [Contradiction] compares the two. Package probe looks deeper into each level, the packages below
// act change chains, and package postmortem reports a failure.
package harness
