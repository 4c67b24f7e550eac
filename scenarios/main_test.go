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

// TestMain runs the tests and then fails if they left anything on the machine.
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
		beStranger()
	}
	if status, done := runInVM(); done {
		os.Exit(status)
	}
	flag.Parse()
	if err := takeReports(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
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
	if err := os.RemoveAll(commandsDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	if now, err := readUtilization(); err == nil && loadErr == nil {
		fmt.Println(now.since(load))
	}
	// If the time of a run is up, the goroutine that measures the room for chains may still run.
	// Wait for it, so that it does not count as left.
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

// onMachine returns what hosts have on the machine, by host name: mounts, state directories, and
// cgroups, which hold every process of a host. It also returns each loop device that no host owns
// any more, under its own name.
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

// leftBudget is the time for other runs to finish starting or closing hosts, which look like
// leftovers meanwhile.
const leftBudget = time.Minute

// leftByUs returns what is left of this run's hosts: those with one of the names that are not in
// before, do not belong to other runs, and are not kept on purpose. It looks again until
// everything that the first look found is gone, or the budget is used up.
func leftByUs(ctx context.Context, before map[string][]string, names hostNames) (left map[string][]string, err error) {
	if os.Geteuid() != 0 {
		return nil, nil // all tests were skipped, and other runs' hosts look like ours
	}
	ours, err := names.end()
	if err != nil {
		return nil, err
	}
	errLeft := errors.New("something is left")
	err = wait.For(ctx, "wait for other runs' hosts", leftBudget, func(context.Context) error {
		now, err := leftNow(before, ours)
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

// leftNow returns what leftByUs finds in one look, by host name.
func leftNow(before map[string][]string, ours map[string]bool) (map[string][]string, error) {
	// List them before and after the look, because a host of another run may start or end in
	// between.
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
		isLoop := strings.HasPrefix(name, "/") // no host owns it any more
		return before[name] != nil || others[name] || !isLoop && !ours[name]
	})
	return found, nil
}

// noteOthers adds the names of live hosts that belong to other runs or are kept on purpose.
func noteOthers(names map[string]bool) error {
	hosts, err := stateRoot().Leftovers()
	for _, h := range hosts {
		if h.Live && (h.Kept || h.Pid != os.Getpid()) {
			names[h.Name] = true
		}
	}
	return err
}
