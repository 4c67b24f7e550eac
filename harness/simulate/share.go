package simulate

import "math"

// What processor time a chain takes of a cluster's members, as parts of what it takes of a LXD that is in none: measured on three members,
// LXD 5.0.2 (BenchmarkMemberCost in scenarios).
const (
	// ownPart is what it takes more of its own member, whose database is the cluster's.
	ownPart = 0.30
	// otherPart is what it takes of each of two others: LXD gives every image, and all that its database says, to three members
	// (cluster.images_minimal_replica and cluster.max_voters, LXD: doc/server.md).
	otherPart    = 0.10
	otherMembers = 2
	// firstPart is what it takes more of the first member, if it is on another: it has the database that the others ask. Over https; where a socket of it
	// is all that there is, twice as much, as what is said to other members then goes through it.
	firstPart = 0.17
)

// load is how many chains a member has to do for, those on others by their parts, if of all at a time a number are on itself.
func (l Lab) load(c Cost, first bool, itself, all int) float64 {
	if l.Members == 1 {
		return float64(itself)
	}
	others := float64(all - itself)
	more := float64(itself)*ownPart + others*l.otherPart()
	if first {
		more += others * firstPart
	}
	// That is processor time alone, and what a chain waits for besides is not waited for again.
	return float64(itself) + more*min(1, c.MemberCPUSeconds/c.full())
}

// otherPart is what a chain takes of each other member, on average.
func (l Lab) otherPart() float64 {
	others := float64(l.Members - 1)
	return otherPart * min(otherMembers, others) / others
}

// diskOf is what disk of its member a chain takes, in MB. With as many chains on each, a member has an image of each chain of its own, and
// as many again of others for each of the other members that LXD gives an image to.
func (l Lab) diskOf(c Cost) float64 {
	if l.Members == 1 {
		return c.DiskMB
	}
	return c.DiskMB + c.ImageMB*float64(min(l.Members, 1+otherMembers))
}

// seconds is how long each of the chains takes, where chains has the number of each member: as long as the load of the member that
// has most makes it, or as the runner, if that has not the time for all.
func (l Lab) seconds(c Cost, chains []int) float64 {
	all := 0
	for _, n := range chains {
		all += n
	}
	seconds := float64(all) * c.RunnerCPUSeconds / l.RunnerProcessors
	for i, n := range chains {
		seconds = max(seconds, c.seconds(l.load(c, i == 0, n, all)/l.Processors))
	}
	return seconds
}

// busy is which part of its processors' time a member has to do something, that built so many of all chains in so many seconds.
func (l Lab) busy(c Cost, first bool, built int, seconds float64) float64 {
	return min(1, l.load(c, first, built, l.Chains)*c.full()/(l.Processors*seconds))
}

// bound is what takes longest of a forecast where nothing else holds the chains up.
func (l Lab) bound(c Cost, f Forecast, built []int) string {
	bound, longest := BoundAtOnce, math.Ceil(float64(f.MostChains)/float64(f.AtOnce))*c.Loads[0].Seconds
	longer := func(what string, seconds float64) {
		if seconds > longest {
			bound, longest = what, seconds
		}
	}
	longer(BoundRunner, float64(l.Chains)*c.RunnerCPUSeconds/l.RunnerProcessors)
	for i, n := range built {
		what := BoundMembers
		if i == 0 && l.Members > 1 {
			what = BoundFirst
		}
		longer(what, l.load(c, i == 0, n, l.Chains)*c.full()/l.Processors)
	}
	return bound
}
