package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/host/start"
)

// hostPlace stands for the host in --bundle. Levels are written as their numbers.
const hostPlace = "host"

// atPlace matches a source with a place before it, such as 2=installed.
var atPlace = regexp.MustCompile(`(?s)^(host|[0-9]+)=(.*)$`)

// parseBundles reads which bundle the host (level 0) and each level run: one source for all, or
// several as "host=SOURCE,2=SOURCE". Levels that are not named run the host's bundle. If the host
// is not named, it is not in the map either, and its bundle is chosen for the machine.
func parseBundles(text string, depth int) (map[int]bundle.Source, error) {
	sources := map[int]bundle.Source{}
	if text == "" {
		return sources, nil
	}
	var places []string // each with its source, which may contain commas
	for _, part := range strings.Split(text, ",") {
		if len(places) == 0 || atPlace.MatchString(part) {
			places = append(places, part)
			continue
		}
		places[len(places)-1] += "," + part
	}
	if !atPlace.MatchString(places[0]) {
		places[0] = hostPlace + "=" + places[0]
	}
	for _, p := range places {
		found := atPlace.FindStringSubmatch(p)
		level, err := strconv.Atoi(found[1])
		switch {
		case found[1] == hostPlace:
			level = 0
		case err != nil || level < 1 || level > depth:
			return nil, fmt.Errorf("level %s: out of range; this chain has a host and levels 1 to %d", found[1], depth)
		}
		if _, twice := sources[level]; twice {
			return nil, fmt.Errorf("%s: given twice; name each place once", found[1])
		}
		if sources[level], err = bundle.ParseSource(found[2]); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// makeBundles makes the bundles of --bundle: that of the host, and those of the levels that run
// another one.
func (f upFlags) makeBundles(ctx context.Context, site start.Site, progress *progress) (*bundle.Bundle, map[int]*bundle.Bundle, error) {
	sources, err := parseBundles(f.bundle, f.depth)
	if err != nil {
		return nil, nil, &usageError{fmt.Errorf("--bundle: %w", err)}
	}
	if _, given := sources[0]; !given {
		var why string
		if sources[0], why, err = bundle.Choose(); err != nil {
			return nil, nil, err
		}
		if why != "" {
			progress.say(fmt.Sprintf("%s: taking the bundle %s", why, sources[0]))
		}
	}
	defer progress.done()
	store := f.machine.Store(progress.show)
	bundles := map[int]*bundle.Bundle{}
	for _, level := range slices.Sorted(maps.Keys(sources)) {
		if err := site.Check(ctx, store, sources[level].Kind); err != nil {
			return nil, nil, err
		}
		if bundles[level], err = store.Make(ctx, sources[level]); err != nil {
			return nil, nil, err
		}
	}
	of := bundles[0]
	delete(bundles, 0)
	return of, bundles, nil
}
