package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// closeBudget is kept back for diagnosis and closing, whatever ended the scenario.
const closeBudget = time.Minute

// scenario is the state of one scenario: godog makes one for each.
type scenario struct {
	// What the Givens want.
	bundle      *bundle.Bundle
	levelBundle *bundle.Bundle // nil: as the host
	allocation  idmap.Delegation
	described   map[int]*harness.LevelSpec

	// What the When made.
	host    *host.Host
	chain   *harness.Chain
	outcome idmap.Plan
	// contradiction is where LXD did something else than planned.
	contradiction error

	bundles Bundles
}

// Bundles are what scenarios run.
type Bundles struct {
	// Default has newuidmap and newgidmap, NoShadow is the same without.
	Default, NoShadow *bundle.Bundle
}

// Register registers the steps for one scenario. It does nothing else: godog
// calls it for scenarios, too, that are then not run.
func Register(sc *godog.ScenarioContext, bundles Bundles) {
	s := &scenario{bundle: bundles.Default, bundles: bundles}
	s.registerGivens(sc)
	s.registerFiles(sc)
	s.registerWhens(sc)
	s.registerThens(sc)
	// One hook, and one order in it: godog runs several in the order of their registration.
	sc.After(s.after)
}

// after closes what the scenario made. Here errors can only be returned: godog
// loses assertions made in this hook.
func (s *scenario) after(ctx context.Context, sc *godog.Scenario, failure error) (context.Context, error) {
	if s.host == nil {
		return ctx, nil
	}
	// The scenario's own context may have ended already.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeBudget)
	defer cancel()
	if failure != nil || s.contradiction != nil {
		text := s.chain.Diagnose(late)
		godog.Logf(ctx, "%s\n%s", sc.Name, text)
		ctx = godog.Attach(ctx, godog.Attachment{Body: []byte(text), FileName: "diagnosis.txt", MediaType: "text/plain"})
	}
	// The host first: that ends the chain at a stroke. The chain then only lets go of its descriptors.
	return ctx, errors.Join(s.contradiction, s.host.Close(late), s.chain.Close(late), s.leftovers())
}

// leftovers fails a scenario whose host left something behind.
func (s *scenario) leftovers() error {
	if left := s.host.Left(); len(left) > 0 {
		return fmt.Errorf("host %s was closed, but left %q", s.host.Name, left)
	}
	return nil
}
