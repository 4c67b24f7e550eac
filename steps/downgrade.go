package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/upgrade"
	"nestbed/harness/bundle"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
)

// The tags of scenarios for versions of which the old one runs with the database of the new one,
// and for other versions.
const (
	onAcceptedDowngrade = "@on-accepted-downgrade"
	onRefusedDowngrade  = "@on-refused-downgrade"
)

// downgradeRequirements returns the requirements of the scenarios about a downgrade on the two
// versions that the run compares. It tries the downgrade on a host of its own.
func (r *run) downgradeRequirements(ctx context.Context, scenarios []*godog.Scenario, site start.Site) ([]inventory.Requirement, error) {
	needed := slices.ContainsFunc(scenarios, func(sc *godog.Scenario) bool {
		return hasTag(sc, onAcceptedDowngrade) || hasTag(sc, onRefusedDowngrade)
	})
	if !needed || !site.Private() {
		return nil, nil
	}
	store := r.settings.Store(r.log)
	older, err := store.Make(ctx, r.settings.Old)
	if err != nil {
		return nil, err
	}
	newer, err := store.Make(ctx, r.settings.New)
	if err != nil {
		return nil, err
	}
	if older.Flavor.Incus() != newer.Flavor.Incus() {
		return nil, nil // the scenarios fail and say why
	}
	refused, err := downgrade(ctx, site, newer, older)
	does := "runs"
	if refused {
		does = "does not run"
	}
	found := fmt.Sprintf("%s %s with the database of %s", older.Daemon(), does, newer.Daemon())
	return []inventory.Requirement{
		{For: onAcceptedDowngrade, Name: "downgrade", OK: !refused, Found: found, Elsewhere: true},
		{For: onRefusedDowngrade, Name: "refused downgrade", OK: refused, Found: found, Elsewhere: true},
	}, err
}

// downgrade replaces the newer LXD of a new host by the older one, and reports whether that one
// refuses to run.
func downgrade(ctx context.Context, site start.Site, newer, older *bundle.Bundle) (refused bool, err error) {
	h, err := site.Start(ctx, start.Needs{Bundle: newer, InMemory: 1, Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Block})})
	if err != nil {
		return false, err
	}
	spec := harness.Cascade(1)
	spec.Whole = true
	chain, err := harness.Build(ctx, h, spec)
	defer func() { err = errors.Join(err, closeAll(context.WithoutCancel(ctx), h, chain)) }()
	if err != nil {
		return false, err
	}
	err = upgrade.Replace(ctx, chain, 0, older)
	if stopped, is := errors.AsType[*harness.LevelError](err); is && stopped.Reason == idmap.DatabaseNewer {
		return true, nil
	}
	return false, err
}
