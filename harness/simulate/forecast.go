package simulate

// The values of Forecast.Bound: the resource that limits the wall time.
const (
	BoundMembers = "processors of the members"
	BoundFirst   = "processors of the first member"
	BoundRunner  = "processors of the runner"
	BoundAtOnce  = "chains at a time"
)

// LimitedByAtOnce is the value of Forecast.LimitedBy if Lab.AtOnce limits the chains of a member.
const LimitedByAtOnce = "at-once"

// Forecast is the predicted result of a Lab. Its memory, disk and ids are those of the member
// with the most chains at a time.
type Forecast struct {
	Seconds float64 `json:"seconds"` // wall time until all chains are removed
	Bound   string  `json:"bound"`
	// AtOnce is the largest number of chains of a member at a time. LimitedBy is what limits it:
	// LimitedByAtOnce, "memory", "disk" or "ids".
	AtOnce    int    `json:"at_once"`
	LimitedBy string `json:"limited_by"`
	// MostChains is the largest number of chains that one member builds in total.
	MostChains int     `json:"most_chains"`
	MemoryMB   float64 `json:"memory_mb"`
	DiskMB     float64 `json:"disk_mb"`
	IDs        uint64  `json:"ids"` // consecutive ids of root: see the function IDs
	// FirstBusy, MembersBusy and RunnerBusy are the used fractions of processor time: of the
	// first member, which has the database, of the other members, and of the machine where
	// nestbed runs.
	FirstBusy   float64 `json:"first_busy"`
	MembersBusy float64 `json:"members_busy"`
	RunnerBusy  float64 `json:"runner_busy"`
}

// tolerance is the tolerance for rounding errors of the clock.
const tolerance = 1e-9

// A runningChain is a running chain.
type runningChain struct {
	ends float64 // on a virtual clock on which every chain takes 1
	on   int     // its member
}

// Forecast simulates the chains of the lab. When a chain ends, the next one starts on the
// member with the fewest chains. All running chains progress equally fast, so they end in the
// order in which they began.
func (l Lab) Forecast(c Cost) (f Forecast, err error) {
	if err := l.Validate(); err != nil {
		return f, err
	}
	if err := c.Validate(); err != nil {
		return f, err
	}
	if f.AtOnce, f.LimitedBy, err = l.fit(c); err != nil {
		return f, err
	}
	now, built := make([]int, l.Members), make([]int, l.Members)
	var all []runningChain
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
			all = append(all, runningChain{clock + 1, on})
		}
		if len(all) == 0 {
			break
		}
		f.Seconds += (all[0].ends - clock) * l.seconds(c, now)
		clock = all[0].ends
		for len(all) > 0 && all[0].ends <= clock+tolerance {
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

// fewest returns the member with the fewest chains.
func fewest(chains []int) int {
	least := 0
	for i, n := range chains {
		if n < chains[least] {
			least = i
		}
	}
	return least
}
