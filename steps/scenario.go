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

// given is what the Givens of a scenario want.
type given struct {
	bundle      *bundle.Bundle
	levelBundle *bundle.Bundle // nil: as the host
	allocation  idmap.Delegation
	described   map[int]*harness.LevelSpec
	spec        harness.Spec
	lxcfs       bool  // covers files of /proc at level 1
	sharePIDs   bool  // the host has no pid namespace of its own
	onDisk      bool  // is the host's state, wherever there is room in memory
	disk        int64 // of the host's own, in bytes; 0: none
	faults      []harness.Hook
	broken      bool    // is something, of which the plan does not know
	patience    float64 // factor for every budget; 0: none
	changes     []configuration
	storage     storageGiven
	shared      sharedGiven
	image       imageGiven
	siblings    []siblingsGiven
}

// built is what came of the Givens: by a When, or when a step first needs the chain of a Given.
type built struct {
	host  host.Host
	chain *harness.Chain
	// came is what was last seen to have come up.
	came idmap.Plan
	// mine means that they are this scenario's alone, which closes them.
	mine bool
	// contradiction is where LXD did something else than planned.
	contradiction error
}

// scenario is the state of one scenario: godog makes one for each.
type scenario struct {
	given
	built
	// alone means that a step of this scenario changes the chain.
	alone bool
	// inits are the processes that the levels ran in before the When.
	inits []string
	// did is what the When did and what came of it, for the Thens. Each kind of When has a type of its own.
	did any
	// besides are the containers that are made beside the chain.
	besides besides
	comparison

	pool *pool
	name string
	// began is when the scenario's turn came, told what its failure is explained by.
	began time.Time
	told  []string
	turn  func()                  // gives the scenario's turn back
	end   context.CancelCauseFunc // ends the context of its steps
}

// closer is what a When has done if something of it must be closed.
type closer interface {
	close(ctx context.Context) error
}

// deed returns what the When did. It fails unless that is of type T, which the error calls what: "tried anything".
func deed[T any](s *scenario, what string) (T, error) {
	did, is := s.did.(T)
	if !is {
		return did, fmt.Errorf("no When has %s", what)
	}
	return did, nil
}

// newScenario registers the steps for one scenario. It does nothing else: godog
// calls it for scenarios, too, that are then not run.
func newScenario(sc *godog.ScenarioContext, p *pool) {
	s := &scenario{given: given{bundle: p.Default}, pool: p}
	s.register(sc)
	sc.Before(s.await)
	// One hook, and one order in it: godog runs several in the order of their registration.
	sc.After(s.after)
}

// await waits for the scenario's turn.
func (s *scenario) await(ctx context.Context, sc *godog.Scenario) (_ context.Context, err error) {
	chains := 1
	s.alone = s.pool.change(sc.Steps)
	if hasTag(sc, Exclusive) {
		chains = s.pool.Turns.Size()
	}
	s.turn, err = s.pool.Turns.Take(ctx, chains)
	s.name, s.began = scenarioName(sc), time.Now()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	ctx, s.end = context.WithCancelCause(context.WithValue(ctx, scenarioKey{}, s))
	return ctx, err
}

// after tells why the scenario failed, if it did, and closes what it made. Here errors can only be returned: godog
// loses assertions made in this hook.
func (s *scenario) after(ctx context.Context, sc *godog.Scenario, failure error) (_ context.Context, err error) {
	defer s.turn()
	defer func() { err = escape(err) }()
	defer s.end(nil)
	down := s.memberDown(ctx, failure)
	defer func() {
		if s.pool.Record != nil {
			s.pool.Record(sc.Id, s.recorded(sc, errors.Join(down, failure, err)))
		}
	}()
	// The scenario's own context may have ended already.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeBudget)
	defer cancel()
	var untold error
	if down == nil && (failure != nil || s.contradiction != nil) { // a member that is down shows nothing
		ctx, untold = s.explain(ctx, late, sc, failure)
	}
	if !s.mine {
		return ctx, errors.Join(down, s.contradiction, untold)
	}
	err = closeAll(late, s.host, s.chain)
	if did, is := s.did.(closer); is {
		err = errors.Join(err, did.close(late))
	}
	return ctx, errors.Join(down, s.contradiction, untold, err)
}

// memberDown returns an error with the reason "member down" if the scenario failed because the cluster member that its
// host is on went down, else nil.
func (s *scenario) memberDown(ctx context.Context, failure error) error {
	failed := errors.Join(failure, s.contradiction)
	if failed == nil {
		return nil
	}
	failed = errors.Join(context.Cause(ctx), failed)
	if s.host != nil {
		failed = host.OrMemberDown(ctx, s.host, failed)
	}
	if down, is := errors.AsType[*host.MemberDownError](failed); is {
		return fmt.Errorf("%s: %w", idmap.MemberDown, down)
	}
	return nil
}
