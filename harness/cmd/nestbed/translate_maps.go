package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"nestbed/harness"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/tree"
)

// maps returns the names of the levels in a path, and their maps in ids of the parent.
func (f *translateFlags) maps(ctx context.Context, path string) (names []string, levels []idmap.Map, err error) {
	if path != "" {
		names = strings.Split(path, "/")
	}
	switch {
	case f.chain != "" && f.file != "":
		return nil, nil, &usageError{errors.New("--file and --chain: the maps come from one of them; leave one out")}
	case f.chain != "":
		return runningMaps(ctx, f.root, f.chain, names)
	case f.file != "":
		levels, err = describedMaps(f.file, path)
		return names, levels, err
	case path == "":
		names = []string{"c1", "c2", "c3"}
	}
	f.recipe.depth = len(names)
	r, err := f.recipe.recipe()
	if err != nil {
		return nil, nil, err
	}
	plan := r.Layout().Plan()
	if plan.Stop != nil {
		return nil, nil, fmt.Errorf("such a chain cannot be built: it stops at %s", plan.Stop)
	}
	for _, l := range plan.Levels {
		levels = append(levels, l.Map)
	}
	return names, levels, nil
}

func describedMaps(file, path string) ([]idmap.Map, error) {
	if path == "" {
		return nil, &usageError{errors.New("--file: which container? name its PATH, such as c1/c2")}
	}
	t, err := readTree(file)
	if err != nil {
		return nil, err
	}
	problems := t.Check()
	c := t.Find(path)
	if c == nil {
		return nil, fmt.Errorf("%s: no container %s", t.File, path)
	}
	var levels []idmap.Map
	for _, c := range c.Chain() {
		for _, p := range problems {
			if p.Path == c.Path && !p.Warning {
				return nil, fmt.Errorf("%s: line %d: %s: %s; nestbed check %s says more", t.File, p.Line, p.Path, p.Text, file)
			}
		}
		levels = append(levels, c.Map())
	}
	return levels, nil
}

// readTree reads a description from a file, or from standard input if file is "-".
func readTree(file string) (*tree.Tree, error) {
	if file == "-" {
		return tree.Parse("standard input", os.Stdin)
	}
	r, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return tree.Parse(file, r)
}

// runningMaps returns the names and maps of the levels of a running chain. Its levels are c1, c2
// and so on; names selects the first of them, nil selects all.
func runningMaps(ctx context.Context, root private.StateRoot, name string, names []string) (found []string, maps []idmap.Map, err error) {
	if os.Geteuid() != 0 {
		return nil, nil, fmt.Errorf("translate --chain: %w", private.ErrNotRoot)
	}
	running, err := root.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	defer running.Close()
	levels, err := harness.Attach(ctx, running)
	if err != nil {
		return nil, nil, err
	}
	defer harness.Detach(levels)
	for i, n := range names {
		if i >= len(levels) || levels[i].Name != n {
			return nil, nil, fmt.Errorf("host %s: no level %s; it has %d levels, c1, c1/c2 and so on", name, strings.Join(names[:i+1], "/"), len(levels))
		}
	}
	for i, l := range levels {
		if names != nil && i == len(names) {
			break
		}
		m, err := l.Map(ctx)
		if err != nil {
			return nil, nil, err
		}
		found, maps = append(found, l.Name), append(maps, m)
	}
	return found, maps, nil
}
