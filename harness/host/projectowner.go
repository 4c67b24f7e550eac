package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	lxd "github.com/canonical/lxd/client"
)

// owner names a process so that any other on its machine can tell whether it lives.
type owner struct {
	// Machine is the file machine-id of the machine (man 5 machine-id), empty where it has none; Boot and Namespace are those that
	// the Pid counts in, and Started is when it was, in ticks since the boot (man 5 proc_pid_stat): pids are given again.
	Machine, Boot, Namespace, Pid, Started string
}

func thisProcess() (o owner, err error) {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return o, err
	}
	o = owner{Machine: strings.TrimSpace(string(machine)), Boot: strings.TrimSpace(string(boot)), Pid: fmt.Sprint(os.Getpid())}
	if o.Namespace, err = os.Readlink("/proc/self/ns/pid"); err != nil {
		return o, err
	}
	o.Started, err = startedAt(o.Pid)
	return o, err
}

func (o owner) String() string {
	return strings.Join([]string{o.Machine, o.Boot, o.Namespace, o.Pid, o.Started}, "/")
}

func parseOwner(text string) (owner, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return owner{}, fmt.Errorf("%s: read %q, expected machine/boot/namespace/pid/start", ownerKey, text)
	}
	return owner{parts[0], parts[1], parts[2], parts[3], parts[4]}, nil
}

// startedAt is when a process was started, in ticks since the boot.
func startedAt(pid string) (string, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", err
	}
	// The name, in parentheses, can have any character.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%s/stat: read %q, expected 52 fields", pid, stat)
	}
	return fields[19], nil
}

// state of a process, as far as another one can know it.
type state int

const (
	unknown state = iota // it is of another machine, or of another pid namespace
	running
	ended
)

// seenFrom is what a process knows of the owner.
func (o owner) seenFrom(here owner) (state, error) {
	switch {
	case o.Boot != here.Boot && o.Machine != "" && o.Machine == here.Machine:
		return ended, nil // with an earlier boot
	case o.Boot != here.Boot || o.Namespace != here.Namespace:
		return unknown, nil
	}
	started, err := startedAt(o.Pid)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && started != o.Started:
		return ended, nil
	case err != nil:
		return unknown, err
	}
	return running, nil
}

// stateOf is that of the process whose project has this configuration.
func stateOf(config map[string]string) (state, error) {
	o, err := parseOwner(config[ownerKey])
	if err != nil {
		return unknown, err
	}
	here, err := thisProcess()
	if err != nil {
		return unknown, err
	}
	return o.seenFrom(here)
}

// ReapProjects removes from the LXD at a socket the projects of nestbed's whose processes, of this machine, have ended, and names them.
// With names it removes those, of whatever machine's process, but for one that still runs.
func ReapProjects(ctx context.Context, socket string, names ...string) (removed []string, err error) {
	s := &system{socket: socket}
	if _, err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", socket, err)
	}
	defer s.all.Disconnect()
	if len(names) == 0 {
		return reapProjects(ctx, s.all)
	}
	for _, name := range names {
		if err := endProject(ctx, s.all, name); err != nil {
			return removed, fmt.Errorf("LXD at %s: project %s: %w", socket, name, err)
		}
		removed = append(removed, name)
	}
	return removed, nil
}

func reapProjects(ctx context.Context, all lxd.InstanceServer) (removed []string, err error) {
	projects, err := all.GetProjects()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, found := range projects {
		if !strings.HasPrefix(found.Name, projectPrefix) || found.Config[ownerKey] == "" {
			continue
		}
		seen, err := stateOf(found.Config)
		if err == nil && seen == ended {
			if err = theirs(all, found.Name).remove(ctx); err == nil {
				removed = append(removed, found.Name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", found.Name, err))
		}
	}
	return removed, errors.Join(errs...)
}

// theirs is a project that another process made.
func theirs(all lxd.InstanceServer, name string) *project {
	_, _, err := all.GetStoragePool(name)
	return &project{name: name, pool: name, ownPool: err == nil, all: all}
}

func endProject(ctx context.Context, all lxd.InstanceServer, name string) error {
	found, _, err := all.GetProject(name)
	if err != nil {
		return err
	}
	if found.Config[ownerKey] == "" {
		return fmt.Errorf("it is none of nestbed's: it has no %s", ownerKey)
	}
	switch seen, err := stateOf(found.Config); {
	case err != nil:
		return err
	case seen == running:
		return fmt.Errorf("%w (%s); end that process", ErrBusy, found.Description)
	}
	return theirs(all, name).remove(ctx)
}
