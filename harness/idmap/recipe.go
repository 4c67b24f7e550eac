package idmap

import "fmt"

// MaxDepth is the largest possible depth of a chain: the kernel nests 32 pid namespaces
// (kernel/pid_namespace.c, MAX_PID_NS_LEVEL), and every container has one.
const MaxDepth = 32

// A Recipe lists everything that a chain of a given depth needs: the subid files of the host
// and of each level, and the configuration of each container.
type Recipe struct {
	Flavor Flavor
	// Host is the allocation in both subid files of the host.
	Host Allocation
	// Levels starts with level 1.
	Levels []RecipeLevel
}

// A RecipeLevel is one level of a recipe.
type RecipeLevel struct {
	// Allocation is the line in the level's own subid files, for the level below; nil on the
	// last level.
	Allocation *Allocation
	// Config is the configuration with which the container must be created.
	Config map[string]string
}

// NewRecipe returns the smallest allocations for a chain of the given depth, 1 to MaxDepth, in
// which every level keeps one block for its own users. The host's ids begin at start. With
// isolated, every container has security.idmap.isolated and a security.idmap.size as large as
// its level needs. Each level then takes one more block, because daemons give their first block
// to no isolated container, and with LXD one more id (see Isolate). NewRecipe fails if the ids
// would go past MaxID.
func NewRecipe(depth int, owner string, start uint32, isolated bool, f Flavor) (Recipe, error) {
	r := Recipe{Flavor: f, Levels: make([]RecipeLevel, depth)}
	needed := uint64(0) // by the daemon that creates the level
	for level := depth; level >= 1; level-- {
		l := &r.Levels[level-1]
		l.Config = map[string]string{}
		size := Block + needed // the level's own block, and what it delegates
		if level < depth {
			l.Config["security.nesting"] = "true"
			l.Allocation = &Allocation{Owner: owner, Start: Block, Count: uint32(needed)}
		}
		needed = size
		if isolated {
			l.Config[KeyIsolated] = "true"
			l.Config[KeySize] = fmt.Sprint(size)
			needed = size + Block
			if !f.follows(isolatesInLastIDs) {
				needed++
			}
		}
	}
	if last := uint64(start) + needed - 1; last > MaxID {
		return r, fmt.Errorf("start %d: depth %d needs %d ids, so the last would be %d, but ids end at %d; start lower",
			start, depth, needed, last, uint32(MaxID))
	}
	r.Host = Allocation{Owner: owner, Start: start, Count: uint32(needed)}
	return r, nil
}

// Layout returns the chain of the recipe on a host that has all ids. Its daemons use only the
// subid files.
func (r Recipe) Layout() Layout {
	l := Layout{Room: MaxDepth}
	d := Delegate(r.Host)
	for _, level := range r.Levels {
		l.Daemons = append(l.Daemons, Daemon{Flavor: r.Flavor, Delegation: d, ShadowTools: true, Config: level.Config})
		d = Delegation{}
		if level.Allocation != nil {
			d = Delegate(*level.Allocation)
		}
	}
	return l
}

// Last returns the last id of a, whose Count must not be 0.
func (a Allocation) Last() uint32 { return a.Start + a.Count - 1 }
