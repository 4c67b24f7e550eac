package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/workload"
	"nestbed/harness/idmap"
)

var workloadSteps = []step{
	{
		Given, `^a chain of depth (\d+) in which every level keeps a block and delegates the rest, the last level to its root and its user 1000$`,
		"The last level may nest, too. Its subid files grant the rest of its ids to both.",
		func(s *scenario) any { return s.remainderToUser }, shares,
	},
	{
		Given, `^OCI containers are run by (crun|runc)$`,
		"The default is crun.",
		func(s *scenario) any { return s.ociRuntimeIs }, shares,
	},
	{
		When, `^root of level (\d+) runs an OCI container with the sysctl ([a-z0-9_.]+) "([^"]*)"$`,
		"The container has its own network namespace, to which the setting belongs, and no user namespace.",
		func(s *scenario) any { return s.runWithSysctl }, sharesWhole,
	},
	{
		When, `^(?:root|user (\d+)) of level (\d+) runs an OCI container without requesting a user namespace$`,
		"Its root filesystem belongs to the user who runs it.",
		func(s *scenario) any { return s.runWithoutNamespace }, sharesWhole,
	},
	{
		When, `^(?:root|user (\d+)) of level (\d+) runs an (OCI|LXC) container with the uid and gid map$`,
		"The runtime of LXC is lxc-start. Parent ids are ids of the level. The container's root filesystem belongs to its root.",
		func(s *scenario) any { return s.runWithMap }, sharesWhole,
	},
	{
		Then, `^the container runs with the uid and gid map$`,
		"Compares the maps of the container's init, read at the level and on the host.",
		func(s *scenario) any { return s.workloadMaps }, shares,
	},
	{
		Then, `^the container has the uid and gid map of level (\d+)$`,
		"Compares the maps of the container's init on the host.",
		func(s *scenario) any { return s.workloadAsLevel }, shares,
	},
	{
		Then, `^the container's root and its files have id (\d+) on the host$`,
		"Checks user and group of the container's init, and of a file on disk that the init made.",
		func(s *scenario) any { return s.workloadIDs }, shares,
	},
	{
		Then, `^the container does not start: "([^"]*)"$`,
		"The error contains this text of the runtime, of newuidmap or of the kernel.",
		func(s *scenario) any { return s.workloadFails }, shares,
	},
}

// workloadRun is the result of running a container: what was observed of it and, with an engine, of
// its image, or the error.
type workloadRun struct {
	saw   workload.Result
	image workload.EngineResult
	ended error
}

func (s *scenario) remainderToUser(depth int) error {
	a, err := idmap.ParseAllocation(strings.TrimSuffix(s.allocation.UID.Text, "\n"))
	if err != nil {
		return fmt.Errorf("no allocation of the host that could be delegated: %w", err)
	}
	s.spec = harness.Delegating(depth, idmap.Remainder(a.Count, depth+1))
	last := &s.spec.Levels[depth-1]
	if last.Delegation == nil {
		return fmt.Errorf("level %d: nothing left to delegate of %s; use a larger allocation", depth, a)
	}
	text := last.Delegation.UID.Text + strings.Replace(last.Delegation.UID.Text, idmap.Root, "user", 1)
	last.Delegation = &idmap.Delegation{UID: idmap.File{Text: text}, GID: idmap.File{Text: text}}
	last.Config = map[string]string{"security.nesting": "true"}
	return nil
}

func (s *scenario) ociRuntimeIs(program string) { s.ociRuntime = program }

func (s *scenario) runWithSysctl(ctx context.Context, level int, key, value string) error {
	return s.runWorkload(ctx, level, workload.Spec{Runtime: workload.OCI, Sysctl: map[string]string{key: value}})
}

func (s *scenario) runWithoutNamespace(ctx context.Context, user string, level int) error {
	id, err := userID(user)
	if err != nil {
		return err
	}
	return s.runWorkload(ctx, level, workload.Spec{Runtime: workload.OCI, User: id})
}

// userID parses a user id. It is empty in steps about root.
func userID(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err
}

func (s *scenario) runWithMap(ctx context.Context, user string, level int, runtime string, table *godog.Table) error {
	rows, err := readTable(table, "inside", "parent", "count")
	if err != nil {
		return err
	}
	spec := workload.Spec{Runtime: workload.Runtime(runtime)}
	if spec.User, err = userID(user); err != nil {
		return err
	}
	for _, row := range rows {
		m, err := idmap.ParseMappings(fmt.Sprintln(row["inside"], row["parent"], row["count"]))
		if err != nil {
			return err
		}
		spec.Map.UID, spec.Map.GID = append(spec.Map.UID, m...), append(spec.Map.GID, m...)
	}
	return s.runWorkload(ctx, level, spec)
}

// runWorkload runs a container. The container leaves nothing behind, so the chain can be shared.
func (s *scenario) runWorkload(ctx context.Context, level int, spec workload.Spec) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	spec.OCIRuntime = s.ociRuntime
	var did workloadRun
	did.saw, did.ended = workload.Run(ctx, l, spec)
	s.did = did
	return nil
}

func (s *scenario) workload() (workloadRun, error) {
	return resultOf[workloadRun](s, "run a container")
}

// seen returns what was observed of the container, or why it did not run.
func (s *scenario) seen() (workload.Result, error) {
	did, err := s.workload()
	return did.saw, errors.Join(err, did.ended)
}

func (s *scenario) workloadMaps(table *godog.Table) error {
	saw, err := s.seen()
	if err != nil {
		return err
	}
	rows, err := readTable(table, "inside", "parent", "host", "count")
	if err != nil {
		return err
	}
	var wanted []string
	for _, row := range rows {
		if err := s.move(row); err != nil {
			return err
		}
		wanted = append(wanted, fmt.Sprintf("inside %s, parent %s, host %s, count %s", row["inside"], row["parent"], row["host"], row["count"]))
	}
	for kind, maps := range map[string][2][]idmap.Mapping{"uid": {saw.Map.UID, saw.Host.UID}, "gid": {saw.Map.GID, saw.Host.GID}} {
		var got []string
		for _, m := range maps[0] {
			host, _ := idmap.Up(maps[1], m.Inside)
			got = append(got, fmt.Sprintf("inside %d, parent %d, host %d, count %d", m.Inside, m.Parent, host, m.Count))
		}
		if err := s.equal(fmt.Sprintf("the container's %s map", kind), wanted, got); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) workloadAsLevel(ctx context.Context, level int) error {
	saw, err := s.seen()
	if err != nil {
		return err
	}
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	m, err := l.HostMap(ctx)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("the container's map on the host, that of level %d", level), m, saw.Host)
}

func (s *scenario) workloadIDs(id uint32) error {
	saw, err := s.seen()
	if err != nil {
		return err
	}
	if id, err = s.onHost(id); err != nil {
		return err
	}
	wanted := fmt.Sprint(id, ":", id)
	return errors.Join(
		s.equal("host ids of the container's init", wanted, saw.Process),
		s.equal("host ids of the container's file", wanted, saw.File),
	)
}

func (s *scenario) workloadFails(words string) error {
	did, err := s.workload()
	if err != nil {
		return err
	}
	switch err := did.ended; {
	case err == nil:
		return mismatchf("wanted the container not to start with %q, but it ran", words)
	case !strings.Contains(err.Error(), words):
		return mismatchf("wanted the container not to start with %q, got %w", words, err)
	}
	return nil
}
