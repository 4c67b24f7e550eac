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
	spec        harness.Spec
	lxcfs       bool  // covers files of /proc at level 1
	sharePIDs   bool  // the host has no pid namespace of its own
	onDisk      bool  // is the host's state, wherever there is room in memory
	disk        int64 // of the host's own, in bytes; 0: none
	faults      []harness.Hook
	broken      bool    // is something, of which the plan does not know
	patience    float64 // factor for every budget; 0: none
	storage     storageState
	workload    workloadState

	// What came of it: by a When, or when a step first needs the chain of a Given.
	host  host.Host
	chain *harness.Chain
	// came is what was last seen to have come up, began when the scenario's turn came, told what its failure is explained by.
	came  idmap.Plan
	began time.Time
	told  []string
	// alone means that a step of this scenario changes the chain.
	alone bool
	// mine tells that they are this scenario's alone, which closes them.
	mine bool
	// contradiction is where LXD did something else than planned.
	contradiction error
	// inits are the processes that the levels ran in before a When.
	inits []string
	// tried and ran are what a When has tried or run.
	tried *tried
	ran   *ran
	// changes are of configurations, before the one of a When and what LXD answered to it;
	// kills and held are counters of the kernel before a When.
	changes     []change
	before      map[string]string
	answer      error
	kills, held []int64

	// shared is the directory of the host that every level has.
	shared sharedDir
	// image is what is carried from LXD to LXD.
	image images
	life  lifeNotes

	besides besides

	// compared counts the comparisons of a Then; from number contrary on, if it is not 0, something else is wanted.
	compared, contrary int

	pool *Pool
	name string
	turn func()                  // gives the scenario's turn back
	end  context.CancelCauseFunc // ends the context of its steps
}

// Register registers the steps for one scenario. It does nothing else: godog
// calls it for scenarios, too, that are then not run.
func Register(sc *godog.ScenarioContext, pool *Pool) {
	s := &scenario{bundle: pool.Default, pool: pool}
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
	s.name, s.began = ScenarioName(sc), time.Now()
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
	return ctx, errors.Join(down, s.contradiction, untold, closeAll(late, s.host, s.chain), s.life.twin.Close(late))
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
		failed = host.OrMemberDown(s.host, failed)
	}
	if down, is := errors.AsType[*host.MemberDownError](failed); is {
		return fmt.Errorf("%s: %w", idmap.MemberDown, down)
	}
	return nil
}
