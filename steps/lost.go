package steps

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/cucumber/godog"

	"nestbed/harness/host"
)

// lost are the scenarios of a run that a member of a cluster took along when it went down, and where each of them was.
type lost struct {
	mu    sync.Mutex
	where map[string]string // by the name of the scenario
	again bool              // they are being run again
}

// Lost is by which member each scenario was taken along that shall be run again, elsewhere. It is for between two runs: chains that scenarios
// share are built anew in the next one, in which what is lost is a failure.
func (p *Pool) Lost() map[string]string {
	p.lost.mu.Lock()
	defer p.lost.mu.Unlock()
	p.lost.again = true
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.shared {
		p.earlier = append(p.earlier, e)
	}
	p.shared = nil
	return p.lost.where
}

// note notes a scenario as lost, unless it was before.
func (l *lost) note(sc *godog.Scenario, member string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again {
		return false
	}
	if l.where == nil {
		l.where = map[string]string{}
	}
	l.where[ScenarioName(sc)] = member
	return true
}

// before is where a scenario was lost in the run before, "" if it was not.
func (l *lost) before(sc *godog.Scenario) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.where[ScenarioName(sc)]
}

var errorType = reflect.TypeFor[error]()

// unlessLost is a step's method, of whatever form godog takes, for which it is no failure that the member of a cluster
// is down which the scenario's host is on: the scenario ends there.
func (s *scenario) unlessLost(method any) any {
	do := reflect.ValueOf(method)
	if n := do.Type().NumOut(); n == 0 || do.Type().Out(n-1) != errorType {
		return method
	}
	return reflect.MakeFunc(do.Type(), func(in []reflect.Value) []reflect.Value {
		if len(in) > 0 && s.host != nil {
			if ctx, has := in[0].Interface().(context.Context); has {
				ctx, done := s.host.WhileMemberAnswers(ctx)
				defer done()
				in = append([]reflect.Value{reflect.ValueOf(ctx)}, in[1:]...)
			}
		}
		out := do.Call(in)
		last := &out[len(out)-1]
		if err, failed := last.Interface().(error); failed {
			if member := s.lostTo(err); member != "" && s.pool.lost.note(s.is, member) {
				s.lost = true
				*last = reflect.ValueOf(fmt.Errorf("%w: member %s went down: %w", godog.ErrSkip, member, err))
			}
		}
		return out
	}).Interface()
}

// lostTo is the member that is down by which a step failed, "" if none is.
func (s *scenario) lostTo(err error) string {
	var down *host.MemberDownError
	switch {
	case errors.As(err, &down):
		return down.Member
	case s.host != nil && s.host.MemberDown():
		return s.host.Member()
	}
	return ""
}
