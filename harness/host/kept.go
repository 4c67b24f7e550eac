package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Lookup finds a host that runs, by its name or state directory; without a name, the only one that is kept.
func Lookup(name string) (Leftover, error) {
	if name != "" {
		l, err := find(name)
		if err == nil && !l.Live {
			err = fmt.Errorf("host %s: it does not run any more; nestbed reap clears what it left", name)
		}
		return l, err
	}
	all, err := Leftovers()
	if err != nil {
		return Leftover{}, err
	}
	return onlyKept(all)
}

// onlyKept is the one among them that lives and is kept.
func onlyKept(all []Leftover) (Leftover, error) {
	kept := slices.DeleteFunc(slices.Clone(all), func(l Leftover) bool { return !l.Live || !l.Kept })
	switch len(kept) {
	case 0:
		return Leftover{}, errors.New("no host is kept; nestbed up --keep makes one, and NESTBED_KEEP=1 before go test keeps that of a scenario that fails")
	case 1:
		return kept[0], nil
	}
	var names []string
	for _, l := range kept {
		names = append(names, l.Name)
	}
	return Leftover{}, fmt.Errorf("%d hosts are kept: %s; name one of them", len(kept), strings.Join(names, ", "))
}

// Stage is the id, on the machine, of the init of the host's namespaces.
func (l Leftover) Stage() int { return l.stage }

// Processes are those of the host and of everything on it, by their ids on the machine.
func (l Leftover) Processes() ([]int, error) { return l.groups.processes() }
