package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/keyring"
)

// allocationKey is the key of a project's configuration by which its host has an allocation of its own: the LXD is as it was only when
// it has been started anew after that, and until then the project is there.
const allocationKey = "user.nestbed.host-allocation"

// AllowEnv allows, by 1, that scenarios have a LXD that runs by itself get other allocations: see Config.HostAllocation.
const AllowEnv = "NESTBED_ALLOW_HOST_ALLOCATION"

// loan is that the LXD of a machine has another allocation than the machine's, for a while.
type loan struct {
	ns   mountNS
	lock *os.File // of the host's own file
	by   restarter
	// before is what the files said before, and say after. Where nobody knows that any more, there is none.
	before *[2]string
	cover  *cover
	guard  *guardian
	// covers tells that the files may be covered, or that the LXD may have read them when they were.
	covers bool
}

// borrow gives the LXD the allocation that the Config says, in place of the machine's, until the system is closed.
func (s *system) borrow(ctx context.Context, c Config, info *api.Server) (*api.Server, error) {
	texts, err := textsOf(c.Delegation)
	if err != nil {
		return nil, err
	}
	l, err := s.lend(ctx, c.RestartLXD, info)
	if err != nil {
		return nil, fmt.Errorf("host allocation: %w", err)
	}
	s.loan = l
	// They have another allocation now, or had until a moment ago.
	if _, err := s.reap(ctx, s.settle); err != nil {
		return nil, err
	}
	if err := s.unused(func(api.Project) bool { return true }); err != nil {
		return nil, fmt.Errorf("host allocation: %w", err)
	}
	if err := s.outlivesLoan(); err != nil {
		return nil, fmt.Errorf("host allocation: %w", err)
	}
	by, err := thisProcess()
	if err != nil {
		return nil, err
	}
	if l.cover, err = makeCover(by, texts); err != nil {
		return nil, err
	}
	if s.project, err = makeProject(s.all, c.Pool, nil, map[string]string{allocationKey: "true"}); err != nil {
		return nil, err
	}
	if l.guard, err = s.post(); err != nil {
		return nil, fmt.Errorf("its guardian: %w", err)
	}
	l.covers = true
	if err := l.guard.say(coverWord); err != nil {
		return nil, fmt.Errorf("its guardian: %w", err)
	}
	if err := l.cover.put(l.ns); err != nil {
		return nil, err
	}
	if info, err = s.restart(ctx, l.by); err != nil {
		return nil, err
	}
	return info, sees(info, texts)
}

// lend finds what a loan takes, and keeps others from one.
func (s *system) lend(ctx context.Context, command string, info *api.Server) (l *loan, err error) {
	switch {
	case keyring.IsAddress(s.address):
		return nil, errors.New("it is on another machine; run nestbed on that one")
	case info.Environment.ServerClustered:
		return nil, errors.New("it is in a cluster, whose members each have files of their own; leave out --allow-host-allocation, and level 1 gets isolated ids")
	case os.Geteuid() != 0:
		return nil, fmt.Errorf("to cover %s it %w", subIDFiles[0], ErrNotRoot)
	case s.isSnap():
		return nil, errors.New("a snap reads no subuid of the machine's; leave out --allow-host-allocation, and level 1 gets isolated ids")
	}
	l = &loan{}
	defer func() {
		if err != nil {
			l.close()
			l = nil
		}
	}()
	if l.by, err = restarterOf(command, info.Environment.ServerPid); err != nil {
		return nil, err
	}
	if l.ns, err = startsIn(info.Environment.ServerPid); err != nil {
		return nil, err
	}
	if _, err = readSubIDs(l.ns); err != nil { // it may be missing
		return nil, err
	}
	if l.lock, l.covers, err = lockSubIDs(ctx, l.ns); err != nil {
		return nil, err
	}
	before, err := readSubIDs(l.ns)
	l.before = &before
	return l, err
}

// unused fails with ErrBusy if another run of nestbed's has a project there that is in the way: who has a loan starts the LXD anew under all
// of them.
func (s *system) unused(inTheWay func(api.Project) bool) error {
	projects, err := s.all.GetProjects()
	if err != nil {
		return err
	}
	for _, p := range projects {
		if strings.HasPrefix(p.Name, projectPrefix) && p.Config[ownerKey] != "" && inTheWay(p) {
			return fmt.Errorf("project %s: %w (%s); wait for it, or: nestbed reap --host %s %s", p.Name, ErrBusy, p.Description, s.form(), p.Name)
		}
	}
	return nil
}

// isLoan tells whether a project is that of a loan.
func isLoan(p api.Project) bool { return p.Config[allocationKey] != "" }

// outlivesLoan fails where the LXD has what would not outlive another allocation: a container that is not isolated has, from its next start
// on, the ids that its LXD has then.
func (s *system) outlivesLoan() error {
	all, err := s.all.GetInstancesAllProjects(api.InstanceTypeContainer)
	if err != nil {
		return err
	}
	var named []string
	for _, i := range all {
		if i.ExpandedConfig[idmap.KeyIsolated] != "true" && i.ExpandedConfig[idmap.KeyPrivileged] != "true" {
			named = append(named, fmt.Sprintf("%s of project %s", i.Name, i.Project))
		}
	}
	if len(named) > 0 {
		return fmt.Errorf("these containers have their ids from the machine's allocation, and would get others at their next start: %s; "+
			"set %s=true for them, or leave out --allow-host-allocation", strings.Join(named, ", "), idmap.KeyIsolated)
	}
	return nil
}

// sees fails unless a LXD reads these files.
func sees(info *api.Server, texts [2]string) error {
	root, err := openRoot(fmt.Sprintf("/proc/%d/root", info.Environment.ServerPid))
	if err != nil {
		return err
	}
	defer root.Close()
	for i, path := range subIDFiles {
		text, err := root.ReadFile(path)
		if err != nil {
			return err
		}
		if string(text) != texts[i] {
			return fmt.Errorf("%s: the LXD that was started, process %d, reads %q, expected %q", path, info.Environment.ServerPid, text, texts[i])
		}
	}
	return nil
}

// giveBack has the LXD read the machine's files again. It may be done again, by whoever has the lock.
func (s *system) giveBack(ctx context.Context) error {
	l := s.loan
	if !l.covers {
		return nil
	}
	if err := uncover(l.ns); err != nil {
		return err
	}
	info, err := s.restart(ctx, l.by)
	if err != nil {
		return err
	}
	l.covers = false
	if l.before == nil {
		return nil
	}
	return sees(info, *l.before)
}

// flag is how the restarter is written on a command line, behind what is there.
func (l *loan) flag() string {
	if l == nil || l.by[0] != "sh" {
		return ""
	}
	return fmt.Sprintf(" --restart-lxd %q", l.by[2])
}

// settle gives back what a run that has ended had borrowed, and removes its project.
func (s *system) settle(ctx context.Context, left *project) error {
	// Its guardian may have done it while the lock was waited for.
	if _, _, err := s.all.GetProject(left.name); err != nil {
		return orMissing(err)
	}
	if err := left.clear(ctx); err != nil {
		return err
	}
	s.loan.covers = true
	if err := s.giveBack(ctx); err != nil {
		return err
	}
	left.all = s.all
	return left.drop()
}

// close lets go of what the loan holds. The guard is told whether it has still something to do.
func (l *loan) close() {
	if l == nil {
		return
	}
	if l.guard != nil {
		l.guard.dismiss(!l.covers)
	}
	if l.cover != nil {
		_ = l.cover.close()
	}
	if l.lock != nil {
		_ = l.lock.Close()
	}
	l.ns.close()
}
