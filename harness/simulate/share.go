package simulate

import "math"

// A chain needs more processor time on a cluster than on an LXD that is not clustered. These
// are the additional parts, measured on three members with LXD 5.0.2 (BenchmarkMemberCost in
// scenarios).
const (
	// ownPart is the part on the chain's own member, for the database of the cluster.
	ownPart = 0.30
	// otherPart is the part on each of two other members: LXD copies every image, and all
	// database writes, to three members (cluster.images_minimal_replica and cluster.max_voters,
	// LXD: doc/server.md).
	otherPart    = 0.10
	otherMembers = 2
	// firstPart is the part on the first member, if the chain is on another one, which then
	// queries the first member's database. It is for clients that use https. If they use only a
	// socket of the first member, it is twice as much, because that member then forwards
	// everything to the others.
	firstPart = 0.17
)

// load returns the work of a member, in chains. The member runs itself of the all running
// chains, and does parts of the work of the others.
func (l Lab) load(c Cost, first bool, itself, all int) float64 {
	if l.Members == 1 {
		return float64(itself)
	}
	others := float64(all - itself)
	more := float64(itself)*ownPart + others*l.otherPart()
	if first {
		more += others * firstPart
	}
	// Only processor time grows; a chain does not wait longer for other things.
	return float64(itself) + more*min(1, c.MemberCPUSeconds/c.occupiedTime())
}

// otherPart returns the part of a chain's work on each other member, on average.
func (l Lab) otherPart() float64 {
	others := float64(l.Members - 1)
	return otherPart * min(otherMembers, others) / others
}

// diskOf returns the disk space of a chain on its member, in MB. With equally many chains on
// each member, a member holds an image for each of its own chains, and as many images again for
// each other member to which LXD copies an image.
func (l Lab) diskOf(c Cost) float64 {
	if l.Members == 1 {
		return c.DiskMB
	}
	return c.DiskMB + c.ImageMB*float64(min(l.Members, 1+otherMembers))
}

// seconds returns the duration of each chain. chains is the number of running chains on each
// member. The member with the highest load decides, or the runner if that is slower.
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

// busy returns the used fraction of a member's processor time if it built the given number of
// chains in the given time.
func (l Lab) busy(c Cost, first bool, built int, seconds float64) float64 {
	return min(1, l.load(c, first, built, l.Chains)*c.occupiedTime()/(l.Processors*seconds))
}

// bound returns the resource that would take longest if nothing else slowed the chains down.
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
		longer(what, l.load(c, i == 0, n, l.Chains)*c.occupiedTime()/l.Processors)
	}
	return bound
}
