// Package scenarios_test runs the features, and tests written in plain Go, on a real LXD.
package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"go.uber.org/goleak"

	"nestbed/harness/environment"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/inventory"
	"nestbed/harness/vm"
	"nestbed/harness/wait"
)

// TestMain looks, when all tests are done, for what they left on the machine.
func TestMain(m *testing.M) {
	start.Init(vm.RegisterPrograms)
	if os.Getenv(guardEnv) != "" {
		guard()
	}
	if os.Getenv(tiedEnv) != "" {
		endWithInput()
	}
	if os.Getenv(childEnv) != "" {
		beChild()
	}
	if os.Getenv(strangerEnv) != "" {
		strangerTries()
	}
	if status, done := elsewhere(); done {
		os.Exit(status)
	}
	flag.Parse()
	if err := makeTurns(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	machine, err := environment.ReadMachine()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	load, loadErr := readUtilization()
	before, err := onMachine()
	var names hostNames
	if err == nil && os.Geteuid() == 0 {
		names, err = watchHostNames(stateRoot().Path())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if now, err := readUtilization(); err == nil && loadErr == nil {
		fmt.Println(now.since(load))
	}
	// What finds out about room has not been waited for where a run's time was up; it shall not count as left.
	_, _ = inventory.Room()
	if err := goleak.Find(goleak.IgnoreAnyFunction("nestbed/scenarios_test.waitForInput")); err != nil {
		fmt.Fprintln(os.Stderr, "the suite left goroutines:", err)
		status = 1
	}
	left, err := leftByUs(machine.Context(context.Background()), before, names)
	if err != nil || len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the suite left %q (%v)\n", left, err)
		status = 1
	}
	os.Exit(status)
}

// onMachine lists, by the name of its host, what stands on the machine: cgroups,
// which hold every process of a host as long as it runs, mounts and state
// directories; and loop devices that no host has any more, each by itself.
func onMachine() (map[string][]string, error) {
	found := map[string][]string{}
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		if name, ok := strings.CutPrefix(m.Mountpoint, stateRoot().Path()+"/"); ok {
			name, _, _ = strings.Cut(name, "/")
			found[name] = append(found[name], m.Mountpoint)
		}
		if !strings.HasPrefix(m.FSType, "cgroup") {
			continue
		}
		groups, err := filepath.Glob(filepath.Join(m.Mountpoint, "nestbed-*"))
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			name := strings.TrimPrefix(filepath.Base(group), "nestbed-")
			found[name] = append(found[name], group)
		}
	}
	loops, err := private.LeakedLoops()
	if err != nil {
		return nil, err
	}
	for _, loop := range loops {
		found[loop] = append(found[loop], loop)
	}
	entries, err := filepath.Glob(filepath.Join(stateRoot().Path(), "*"))
	for _, entry := range entries {
		found[filepath.Base(entry)] = append(found[filepath.Base(entry)], entry)
	}
	return found, err
}

// leftBudget is for hosts that other runs are starting or closing, which look like left ones for a moment.
const leftBudget = time.Minute

// leftByUs returns what stands now of hosts that got one of the names, and did not before, without the hosts of other
// runs and those kept on purpose. It looks again until everything that the first look found is gone, or the budget is used up.
func leftByUs(ctx context.Context, before map[string][]string, names hostNames) (left map[string][]string, err error) {
	if os.Geteuid() != 0 {
		return nil, nil // everything was skipped, and others' hosts cannot be told from ours
	}
	ours, err := names.end()
	if err != nil {
		return nil, err
	}
	errLeft := errors.New("something is left")
	err = wait.For(ctx, "wait for other runs' hosts", leftBudget, func(context.Context) error {
		now, err := standing(before, ours)
		if err != nil {
			return wait.Final(err)
		}
		if left == nil {
			left = now
		}
		maps.DeleteFunc(left, func(name string, _ []string) bool { return now[name] == nil })
		if len(left) > 0 {
			return errLeft
		}
		return nil
	})
	if errors.Is(err, errLeft) {
		err = nil
	}
	return left, err
}

// standing returns what leftByUs finds at one look, by the name of its host.
func standing(before map[string][]string, ours map[string]bool) (map[string][]string, error) {
	// Listed before and after the look: a host of another run may start or end in between.
	others := map[string]bool{}
	if err := noteOthers(others); err != nil {
		return nil, err
	}
	found, err := onMachine()
	if err != nil {
		return nil, err
	}
	if err := noteOthers(others); err != nil {
		return nil, err
	}
	maps.DeleteFunc(found, func(name string, _ []string) bool {
		isLoop := strings.HasPrefix(name, "/") // which has no host any more
		return before[name] != nil || others[name] || !isLoop && !ours[name]
	})
	return found, nil
}

// noteOthers adds the names of the hosts that live and belong to other runs, or are kept on purpose.
func noteOthers(names map[string]bool) error {
	hosts, err := stateRoot().Leftovers()
	for _, h := range hosts {
		if h.Live && (h.Kept || h.Pid != os.Getpid()) {
			names[h.Name] = true
		}
	}
	return err
}
