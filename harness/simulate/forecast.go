package simulate

// What a forecast's wall time is bound by: more of that, and it is shorter.
const (
	BoundMembers = "processors of the members"
	BoundFirst   = "processors of the first member"
	BoundRunner  = "processors of the runner"
	BoundAtOnce  = "chains at a time"
)

// KeptByAtOnce is that a member has as many chains at a time as it may.
const KeptByAtOnce = "at-once"

// Forecast is what becomes of a Lab. Its memory, disk and ids are those of the member that has most chains at a time.
type Forecast struct {
	Seconds float64 `json:"seconds"` // wall time, from nothing until nothing is left
	Bound   string  `json:"bound"`
	// AtOnce is how many chains a member has at a time, KeptBy what keeps it from more: KeptByAtOnce, memory, disk or ids.
	AtOnce int    `json:"at_once"`
	KeptBy string `json:"kept_by"`
	// MostChains is how many chains the member builds that builds most.
	MostChains int     `json:"most_chains"`
	MemoryMB   float64 `json:"memory_mb"`
	DiskMB     float64 `json:"disk_mb"`
	IDs        uint64  `json:"ids"` // of its root, one after the other: see the function IDs
	// FirstBusy, MembersBusy and RunnerBusy are parts of the time of processors: of the first member, which has the database, of the others, and
	// of where nestbed runs.
	FirstBusy   float64 `json:"first_busy"`
	MembersBusy float64 `json:"members_busy"`
	RunnerBusy  float64 `json:"runner_busy"`
}

// nearly is what part of a chain may be left of one that has ended: what is lost by adding up.
const nearly = 1e-9

// underWay is a chain on a member.
type underWay struct {
	ends float64 // by a clock that tells how far a chain would be that was under way from the beginning, in chains
	on   int
}

// Forecast takes the chains through the lab: each begins on the member that has fewest, as one ends there. They get on equally fast, so that
// who began first ends first.
func (l Lab) Forecast(c Cost) (f Forecast, err error) {
	if err := l.Validate(); err != nil {
		return f, err
	}
	if err := c.Validate(); err != nil {
		return f, err
	}
	if f.AtOnce, f.KeptBy, err = l.fit(c); err != nil {
		return f, err
	}
	now, built := make([]int, l.Members), make([]int, l.Members)
	var all []underWay
	clock, left, most := 0.0, l.Chains, 0
	for {
		for ; left > 0; left-- {
			on := fewest(now)
			if now[on] == f.AtOnce {
				break
			}
			now[on]++
			built[on]++
			most = max(most, now[on])
			all = append(all, underWay{clock + 1, on})
		}
		if len(all) == 0 {
			break
		}
		f.Seconds += (all[0].ends - clock) * l.seconds(c, now)
		clock = all[0].ends
		for len(all) > 0 && all[0].ends <= clock+nearly {
			now[all[0].on]--
			all = all[1:]
		}
	}
	for _, n := range built {
		f.MostChains = max(f.MostChains, n)
	}
	f.MemoryMB, f.DiskMB = c.memory(most), c.IdleDiskMB+float64(most)*l.diskOf(c)
	f.IDs = IDs(c.Depth, most)
	f.FirstBusy = l.busy(c, true, built[0], f.Seconds)
	for _, n := range built[1:] {
		f.MembersBusy += l.busy(c, false, n, f.Seconds) / float64(l.Members-1)
	}
	f.RunnerBusy = float64(l.Chains) * c.RunnerCPUSeconds / (l.RunnerProcessors * f.Seconds)
	f.Bound = l.bound(c, f, built)
	return f, nil
}

// fewest is the member that has fewest chains.
func fewest(chains []int) int {
	least := 0
	for i, n := range chains {
		if n < chains[least] {
			least = i
		}
	}
	return least
}
