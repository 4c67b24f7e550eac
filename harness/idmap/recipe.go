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
	// AppArmor is true if the machine's kernel enforces AppArmor.
	AppArmor bool
}

// A RecipeLevel is one level of a recipe.
type RecipeLevel struct {
	// Allocation is the line in the level's own subid files, for the level below; nil on the
	// last level.
	Allocation *Allocation
	// Config is the configuration with which the container must be created.
	Config map[string]string
}

// A Need describes a chain for which allocations are wanted.
type Need struct {
	Depth  int    // 1 to MaxDepth
	Owner  string // of the allocations
	Start  uint32 // the host's first id
	Flavor Flavor
	// Isolated gives every container security.idmap.isolated, and a security.idmap.size as large as
	// its level needs.
	Isolated bool
	// AppArmor is true if the machine's kernel enforces AppArmor. Levels below the first then get
	// the configuration without which they do not start, because no profiles can be made there.
	AppArmor bool
	// ID is an id that must exist in the last level, such as that of a user of its image. Ids below
	// Block always do.
	ID uint32
}

// NewRecipe returns the smallest allocations for a chain in which every level keeps one block for
// its own users, or more if the last one needs more. Each isolated level takes one more block,
// because daemons give their first block to no isolated container, and with LXD one more id (see
// Isolate). NewRecipe fails if the ids would go past MaxID.
func NewRecipe(n Need) (Recipe, error) {
	r := Recipe{Flavor: n.Flavor, AppArmor: n.AppArmor, Levels: make([]RecipeLevel, n.Depth)}
	needed := uint64(0) // by the daemon that creates the level
	for level := n.Depth; level >= 1; level-- {
		l := &r.Levels[level-1]
		l.Config = map[string]string{}
		size := Block + needed // the level's own block, and what it delegates
		if level < n.Depth {
			l.Config["security.nesting"] = "true"
			l.Allocation = &Allocation{Owner: n.Owner, Start: Block, Count: uint32(min(needed, MaxID))}
		} else {
			size = max(size, uint64(n.ID)+1)
		}
		if n.AppArmor && level >= Confined && level < n.Depth {
			l.Config[n.Flavor.KeyAppArmor()] = "false"
		}
		if n.AppArmor && level > Confined {
			l.Config[KeyRawLXC] = UnchangedProfile
		}
		needed = size
		if n.Isolated {
			l.Config[KeyIsolated] = "true"
			l.Config[KeySize] = fmt.Sprint(size)
			needed = size + Block
			if !n.Flavor.follows(isolatesInLastIDs) {
				needed++
			}
		}
	}
	if last := uint64(n.Start) + needed - 1; last > MaxID {
		return r, fmt.Errorf("start %d: depth %d needs %d ids, so the last would be %d, but ids end at %d; start lower",
			n.Start, n.Depth, needed, last, uint32(MaxID))
	}
	r.Host = Allocation{Owner: n.Owner, Start: n.Start, Count: uint32(needed)}
	return r, nil
}

// Layout returns the chain of the recipe on a host that has all ids. Its daemons use only the
// subid files.
func (r Recipe) Layout() Layout {
	l := Layout{Room: MaxDepth, AppArmor: r.AppArmor}
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
