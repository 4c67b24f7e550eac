package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/workload"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// closeBudget is the time for diagnosis and closing, even if the scenario ran out of time.
const closeBudget = time.Minute

// given is what the Given steps of a scenario describe.
type given struct {
	bundle      *bundle.Bundle
	levelBundle *bundle.Bundle // nil: that of the host
	allocation  idmap.Delegation
	described   map[int]*harness.LevelSpec
	spec        harness.Spec
	lxcfs       bool  // lxcfs covers files of /proc at level 1
	sharePIDs   bool  // the host has no pid namespace of its own
	onDisk      bool  // the host's state is on disk, even if it fits in memory
	disk        int64 // size of the host's own disk in bytes; 0: it has none
	hooks       []harness.Hook
	broken      bool    // something is broken that the plan does not model
	patience    float64 // factor for every wait's budget; 0: 1
	changes     []configuration
	storage     storageGiven
	shared      sharedGiven
	image       imageGiven
	siblings    []siblingsGiven
	network     networkGiven
	ociRuntime  string // "": crun
	engine      workload.EngineSpec
}

// built is the scenario's host and chain, built by a When step or when a step first needs the
// chain of a Given.
type built struct {
	host  host.Host
	chain *harness.Chain
	// outcome is the outcome that was last observed.
	outcome idmap.Plan
	// owned means that host and chain belong to this scenario, which closes them.
	owned bool
	// contradiction describes how LXD differed from the plan, or is nil.
	contradiction error
}

// scenario is the state of one scenario.
type scenario struct {
	given
	built
	// needs is what the steps of this scenario need of the chain.
	needs needs
	// inits are the levels' init processes before the When step.
	inits []string
	// did is the result of the When step, for the Then steps. Each kind of When step has its own
	// type.
	did any
	// siblingState holds the containers that are made beside the chain.
	siblingState siblingState
	comparison

	pool     *pool
	name     string
	notBegun bool // the run was interrupted before the scenario's turn
	// began is when the scenario got its turn; summary is the summary of its failure.
	began   time.Time
	summary []string
	turn    func()                  // gives the scenario's turn back
	end     context.CancelCauseFunc // ends the context of its steps
}

// closer is the result of a When step that must be closed.
type closer interface {
	close(ctx context.Context) error
}

// resultOf returns the result of the When step. It fails if that is not of type T; what describes
// T: "tried anything".
func resultOf[T any](s *scenario, what string) (T, error) {
	did, is := s.did.(T)
	if !is {
		return did, fmt.Errorf("no When step has %s", what)
	}
	return did, nil
}

// newScenario registers the steps for one scenario. It must not do more, because godog also calls
// it for scenarios that are not run.
func newScenario(sc *godog.ScenarioContext, p *pool) {
	s := &scenario{given: given{bundle: p.Default}, pool: p}
	s.register(sc)
	sc.Before(s.await)
	// One hook for everything, so that the order is explicit.
	sc.After(s.after)
}

// await waits for the scenario's turn.
func (s *scenario) await(ctx context.Context, sc *godog.Scenario) (_ context.Context, err error) {
	if !s.pool.selects(sc) {
		return ctx, godog.ErrSkip
	}
	chains := 1
	s.needs = s.pool.needsOf(sc.Steps)
	if hasTag(sc, Exclusive) {
		chains = s.pool.Turns.Size()
	}
	s.turn, err = s.pool.Turns.Take(ctx, chains)
	s.name, s.began = scenarioName(sc), time.Now()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
		if s.notBegun = !errors.Is(err, ErrTimeIsUp); s.notBegun { // the run was interrupted
			return ctx, godog.ErrSkip
		}
	}
	if s.pool.Begins != nil {
		s.pool.Begins(s.name)
	}
	ctx, s.end = context.WithCancelCause(context.WithValue(ctx, scenarioKey{}, s))
	return ctx, err
}

// after explains a failure and closes what the scenario made. It returns its errors, because godog
// loses assertions made in this hook.
func (s *scenario) after(ctx context.Context, sc *godog.Scenario, failure error) (_ context.Context, err error) {
	if !s.pool.selects(sc) {
		return ctx, nil
	}
	defer s.turn()
	if s.notBegun {
		return ctx, nil
	}
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
	var unexplained error
	if down == nil && (failure != nil || s.contradiction != nil) { // a member that is down cannot be diagnosed
		ctx, unexplained = s.explain(ctx, late, sc, failure)
	}
	if !s.owned {
		return ctx, errors.Join(down, s.contradiction, unexplained)
	}
	err = closeAll(late, s.host, s.chain)
	if did, is := s.did.(closer); is {
		err = errors.Join(err, did.close(late))
	}
	return ctx, errors.Join(down, s.contradiction, unexplained, err)
}

// memberDown returns an error with the reason "member down" if the scenario failed because the
// cluster member of its host went down, else nil.
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
		if s.chain != nil && s.chain.Stop != nil {
			// It says which operation needed the member.
			return fmt.Errorf("%s: %w: %w", idmap.MemberDown, down, s.chain.Stop)
		}
		return fmt.Errorf("%s: %w", idmap.MemberDown, down)
	}
	return nil
}
