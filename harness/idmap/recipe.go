package idmap

import "fmt"

// MaxDepth is the depth of the deepest chain: the kernel nests 32 pid namespaces
// (kernel/pid_namespace.c, MAX_PID_NS_LEVEL), and every container has one.
const MaxDepth = 32

// Recipe is how a chain of a given depth is made to work: what the files of the
// host and of each level must say, and the configuration of each container.
type Recipe struct {
	Flavor Flavor
	// Host is the allocation that the host needs, for uids and gids alike.
	Host Allocation
	// Levels are level 1, 2, ...
	Levels []RecipeLevel
}

// RecipeLevel is one level of a recipe.
type RecipeLevel struct {
	// Allocation is the line of the level's own files, for the level below; nil on the last level.
	Allocation *Allocation
	// Config is what the container must be created with, beside security.nesting on all but the last.
	Config map[string]string
}

// NewRecipe gives the smallest allocations for a chain of the given depth, 1 to
// 32, when every level keeps one block for its own users. The host's ids start at
// start. With isolated, every container has security.idmap.isolated, and a size as
// large as its level needs: that takes another block a level, which daemons keep
// from isolated containers, and of LXD one id more (see Isolate). The error tells
// that the ids would not end below MaxID.
func NewRecipe(depth int, owner string, start uint32, isolated bool, f Flavor) (Recipe, error) {
	r := Recipe{Flavor: f, Levels: make([]RecipeLevel, depth)}
	needed := uint64(0) // by the daemon that makes the level
	for level := depth; level >= 1; level-- {
		l := &r.Levels[level-1]
		l.Config = map[string]string{}
		size := Block + needed // the level's own block, and what it hands down
		if level < depth {
			l.Config["security.nesting"] = "true"
			l.Allocation = &Allocation{Owner: owner, Start: Block, Count: uint32(needed)}
		}
		needed = size
		if isolated {
			l.Config[KeyIsolated] = "true"
			l.Config[KeySize] = fmt.Sprint(size)
			needed = size + Block
			if f != Incus {
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

// Layout is the recipe on a host with all ids, whose daemons go by the files alone.
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

// Last is the last id of the allocation, which must have one.
func (a Allocation) Last() uint32 { return a.Start + a.Count - 1 }
