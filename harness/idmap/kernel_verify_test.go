package idmap_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

var (
	chainSeed  = flag.String("idmap.seed", "1", "draw the chains of user namespaces with this `number`; 0 or random: with another one each time")
	chainCount = flag.Int("idmap.chains", 1000, "verify the kernel's rules against this `number` of random chains of user namespaces; with -short against at most 100")
)

// atATime is the number of chains built in parallel. A chain has only one active process, which
// often waits.
const atATime = 4

// kernelMaps returns the map of the test's own user namespace, the parent of all chains: the
// identity, or less in a container. It skips the test if the kernel does not allow nested user
// namespaces with arbitrary maps.
func kernelMaps(t *testing.T) idmap.Map {
	t.Helper()
	var own idmap.Map
	for _, gid := range []bool{false, true} {
		m, err := shown("self", gid)
		require.NoError(t, err)
		*side(&own, gid) = m
	}
	// Two levels, because some kernels let root create the first and nobody the second.
	unsupported := possible(plan{
		{{false, series(1, 0, own.UID[0].Inside)}, {true, series(1, 0, own.GID[0].Inside)}},
		{{false, series(1, 0, 0)}, {true, series(1, 0, 0)}},
	})
	if unsupported != nil {
		unsupported = fmt.Errorf("nested user namespaces with arbitrary maps: %w; run as root on a kernel that permits them", unsupported)
	} else if size := os.Getpagesize(); size != 4096 {
		unsupported = fmt.Errorf("the kernel's pages have %d bytes, but Accept is written for 4096", size)
	}
	if unsupported != nil {
		if os.Getenv("NESTBED_REQUIRE") == "all" {
			t.Fatalf("NESTBED_REQUIRE=all, but: %v", unsupported)
		}
		t.Skip(unsupported)
	}
	return own
}

func possible(p plan) error {
	c, err := idmap.NewChain()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, l := range p {
		r, err := c.Down(l.order())
		for _, errno := range append(r.Errnos, r.Refused) {
			if errno != 0 {
				err = cmp.Or(err, error(errno))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTheKernelAgreesWithAcceptOnRandomChains(t *testing.T) {
	own := kernelMaps(t)
	seed, err := strconv.ParseUint(*chainSeed, 10, 32)
	if *chainSeed == "random" || err == nil && seed == 0 {
		seed, err = uint64(1+rand.Uint32N(1<<32-1)), nil
	}
	require.NoError(t, err, "-idmap.seed")
	if testing.Short() {
		*chainCount = min(*chainCount, 100)
	}
	groups := rapid.Custom(func(t *rapid.T) []branch { return drawBranches(t, own) })
	start := time.Now()
	var next atomic.Int64
	var first sync.Once
	var workers sync.WaitGroup
	builders := make([]builder, atATime)
	for i := range builders {
		b := &builders[i]
		b.own = own
		workers.Go(func() {
			defer b.close()
			for {
				done := int(next.Add(branches)) - branches
				if done >= *chainCount {
					return
				}
				// A group that is cut short keeps its chains when the number of chains grows.
				group := groups.Example(int(seed<<32) + done)
				for k, c := range group[:min(len(group), *chainCount-done)] {
					if err := b.build(c.plan, c.kept); err != nil {
						first.Do(func() {
							next.Store(int64(*chainCount)) // stop the other workers
							t.Errorf("seed %d, chain %d of %d: %s", seed, done+k+1, *chainCount, explain(err, c.plan, own))
						})
						return
					}
				}
			}
		})
	}
	workers.Wait()
	var count tally
	for i := range builders {
		count.join(builders[i].count)
	}
	t.Logf("-idmap.seed=%d -idmap.chains=%d: %s, in %.1f s", seed, *chainCount, count, time.Since(start).Seconds())
	if *chainCount >= 1000 && !t.Failed() {
		assert.Empty(t, count.never(), "too few kinds of maps to verify much")
	}
}

func TestTheKernelAgreesWithTheTable(t *testing.T) {
	own := kernelMaps(t)
	for name, c := range mapTable {
		t.Run(name, func(t *testing.T) {
			p := c.maps.plan()
			if !slices.Equal(own.UID, idmap.Identity().UID) || !slices.Equal(own.GID, idmap.Identity().GID) {
				t.Skip("the table needs a machine with all ids")
			}
			b := builder{own: own}
			defer b.close()
			if err := b.build(p, 0); err != nil {
				t.Error(explain(err, p, own))
			}
		})
	}
}

func TestTheKernelNestsMaxUserNamespaces(t *testing.T) {
	own := kernelMaps(t)
	c, err := idmap.NewChain()
	require.NoError(t, err)
	defer c.Close()
	depth := 0
	l := level{{false, identityOf(own.UID)}, {true, identityOf(own.GID)}}
	for ; depth <= idmap.MaxUserNamespaces; depth++ {
		r, err := c.Down(l.order())
		require.NoError(t, err)
		if r.Refused != 0 {
			assert.Equal(t, syscall.ENOSPC, r.Refused)
			break
		}
		require.Equal(t, []syscall.Errno{0, 0}, r.Errnos)
	}
	link, err := os.Readlink("/proc/self/ns/user")
	require.NoError(t, err)
	if link == "user:[4026531837]" { // the initial namespace: include/linux/nsfs.h, USER_NS_INIT_INO
		assert.Equal(t, idmap.MaxUserNamespaces, depth)
	} else {
		assert.Less(t, depth, idmap.MaxUserNamespaces)
	}
}
