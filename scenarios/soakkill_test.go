package scenarios_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
)

var (
	soakKills = flag.Int("soak.kills", 5, "number of kills in TestNothingIsLeftWhateverIsKilled")
	soakAll   = flag.Bool("soak.machine", false, "compare the whole machine; needs an idle machine")
	soakSeed  = flag.Uint64("soak.seed", 1, "seed of the random choices; 0: a random seed")
)

// A victim is the process of a run that is killed.
type victim string

// A run can also end by the signals of a terminal or of a shutdown.
const (
	theRun     victim = "the run"
	interrupt  victim = "the run, by SIGINT"
	terminate  victim = "the run, by SIGTERM"
	theInit    victim = "the init of the host's namespaces"
	anLXD      victim = "an LXD"
	aMonitor   victim = "a monitor of liblxc"
	inTeardown victim = "the run, while it takes the chain down"
)

// victims lists each victim in proportion to its probability: 3 of 20 kills hit a teardown.
var victims = []victim{
	theRun, theRun, theRun, interrupt, terminate, theInit, theInit, theInit, anLXD, anLXD, anLXD, anLXD, anLXD,
	aMonitor, aMonitor, aMonitor, aMonitor, inTeardown, inTeardown, inTeardown,
}

// childBudget is the time for a run to end by itself after one of its processes was killed.
const childBudget = 2 * time.Minute

// TestNothingIsLeftWhateverIsKilled builds chains of random depth, kills a process at a random
// moment, and requires that nothing is left of the hosts, or with -soak.machine nothing new on the
// machine.
func TestNothingIsLeftWhateverIsKilled(t *testing.T) {
	if !*soakAll {
		parallel(t, 1)
	}
	source := harnesstest.Source(t)
	harnesstest.Bundle(t, source)
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 31)
	}
	draw := rand.New(rand.NewPCG(seed, 0))
	_, err := stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	var before traces
	if *soakAll {
		before = takeTraces(t)
	}
	tally := map[string]int{}
	began := time.Now()
	for i := range *soakKills {
		k := kill{
			victim: victims[draw.IntN(len(victims))], draw: draw,
			order: childOrder{
				Source: source.String(), Depth: 1 + draw.IntN(5), SharePIDs: draw.IntN(2) == 1, InMemory: draw.IntN(2) == 1, Close: true,
			},
		}
		// The time counts from the start of the run, or from when the victim exists. A level takes
		// about 0.6 s, so that at the last moments the chain is up or gone.
		k.after = time.Duration(draw.Int64N(int64(time.Duration(k.order.Depth+1) * 700 * time.Millisecond)))
		if k.victim == inTeardown {
			k.after = time.Duration(draw.Int64N(int64(150 * time.Millisecond)))
		}
		t.Run(fmt.Sprintf("%d of seed %d: %s", i, seed, k), func(t *testing.T) {
			tally[k.strike(t)]++
			names := hostsOf(t, k.pid)
			if k.name != "" {
				names = append(names, k.name)
			}
			requireReaped(t, names)
			if *soakAll {
				requireNothingLeft(t, before)
			}
		})
	}
	fmt.Printf("seed %d: %d kills in %.0f s; failures above, if any, show what was left\n", seed, *soakKills, time.Since(began).Seconds())
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		fmt.Printf("%5d  %s\n", tally[what], what)
	}
}

// A kill is a run and what is killed when.
type kill struct {
	victim victim
	order  childOrder
	after  time.Duration
	draw   *rand.Rand
	pid    int
	name   string // of the host, once the run has printed it
}

func (k kill) String() string {
	return fmt.Sprintf("%s, after %s, depth %d, pids shared %t, in memory %t",
		k.victim, k.after.Round(time.Millisecond), k.order.Depth, k.order.SharePIDs, k.order.InMemory)
}

// strike starts the run, kills the victim, waits until the run has ended, and returns what was
// hit.
func (k *kill) strike(t *testing.T) string {
	t.Helper()
	child := k.order.command(t)
	// Do not wait long for a process that was killed.
	child.Env = append(child.Env, environment.Patience+"=0.25")
	child.Stderr = nil // it complains about what was killed
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	k.pid = child.Process.Pid
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if k.name == "" {
				k.name = scan.Text()
			}
			lines <- scan.Text()
		}
	}()
	if from, ok := map[victim]string{anLXD: "", aMonitor: "c1", inTeardown: closing}[k.victim]; ok {
		for line := range lines {
			if strings.HasPrefix(line, from) {
				break
			}
		}
	}
	<-time.After(k.after) // varies the moment of the kill
	hit := k.hit(t)
	stop := context.AfterFunc(harnesstest.Context(t), func() { _ = child.Process.Kill() })
	defer stop()
	late := time.AfterFunc(childBudget, func() { _ = child.Process.Kill() })
	for range lines { // until it has ended
	}
	err = child.Wait()
	require.True(t, late.Stop(), "the run has not ended by itself in %s (%v)", childBudget, err)
	return hit
}

// hit kills the victim and returns what was hit, or that there was no such process.
func (k *kill) hit(t *testing.T) string {
	t.Helper()
	signal, pid := unix.SIGKILL, k.pid
	var found []int
	switch k.victim {
	case interrupt:
		signal = unix.SIGINT
	case terminate:
		signal = unix.SIGTERM
	case theInit:
		found = k.processes(t, func(command string) bool { return strings.HasPrefix(command, "nestbed-host\x00") })
	case anLXD:
		found = k.processes(t, func(command string) bool { return strings.HasPrefix(command, "lxd\x00--logfile") })
	case aMonitor:
		found = k.processes(t, func(command string) bool { return strings.HasPrefix(command, "[lxc monitor]") })
	}
	if k.victim == theInit || k.victim == anLXD || k.victim == aMonitor {
		if len(found) == 0 {
			return string(k.victim) + ": none at that moment"
		}
		pid = found[k.draw.IntN(len(found))]
	}
	if err := unix.Kill(pid, signal); err != nil {
		return string(k.victim) + ": already ended"
	}
	return string(k.victim)
}

// processes returns the pids of the run's hosts for whose command line is returns true.
func (k *kill) processes(t *testing.T, is func(command string) bool) []int {
	t.Helper()
	var pids []int
	for _, name := range hostsOf(t, k.pid) {
		dirs, err := filepath.Glob("/proc/[0-9]*")
		require.NoError(t, err)
		for _, dir := range dirs {
			group, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
			command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && strings.Contains(string(group), "nestbed-"+name) && is(string(command)) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
