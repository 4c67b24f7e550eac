package scenarios_test

import (
	"slices"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
)

// executing is how long, since a moment, LXDs of the chain were running programs in levels: by the timestamps of their
// operations, which a LXD keeps for five seconds after they have ended (LXD: lxd/operations/operations.go). What goes
// on at the same time counts once.
func executing(b *testing.B, c *harness.Chain, since time.Time) time.Duration {
	b.Helper()
	servers := []lxd.InstanceServer{c.Host.LXD()}
	for _, l := range c.Levels[:len(c.Levels)-1] { // nothing runs inside the last
		servers = append(servers, l.LXD())
	}
	var ran []api.Operation
	for _, s := range servers {
		operations, err := s.GetOperations()
		require.NoError(b, err)
		for _, o := range operations {
			if o.Description == "Executing command" && o.CreatedAt.After(since) {
				ran = append(ran, o)
			}
		}
	}
	require.Len(b, ran, len(c.Levels), "the maps of every level are looked at from inside")
	return together(ran)
}

// together is how long at least one of the operations was under way.
func together(operations []api.Operation) (all time.Duration) {
	slices.SortFunc(operations, func(a, b api.Operation) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var end time.Time
	for _, o := range operations {
		from := o.CreatedAt
		if from.Before(end) {
			from = end
		}
		if o.UpdatedAt.After(from) {
			all += o.UpdatedAt.Sub(from)
			end = o.UpdatedAt
		}
	}
	return all
}

func TestOperationsAtTheSameTimeCountOnce(t *testing.T) {
	at := func(from, to int) api.Operation {
		began := time.Unix(1000, 0)
		return api.Operation{CreatedAt: began.Add(time.Duration(from)), UpdatedAt: began.Add(time.Duration(to))}
	}
	for want, operations := range map[time.Duration][]api.Operation{
		0:  nil,
		10: {at(0, 10)},
		12: {at(5, 12), at(0, 10), at(3, 4)},
		15: {at(0, 10), at(20, 25)},
		20: {at(10, 20), at(0, 10)},
	} {
		require.Equal(t, want, together(operations))
	}
}
