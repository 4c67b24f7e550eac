package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

func TestAPoolOnBtrfsNeedsALevelOnBtrfs(t *testing.T) {
	notOnBtrfs := func(level int) *idmap.Stop {
		return &idmap.Stop{Level: level, Op: idmap.OpStorage, Reason: idmap.NotOnBtrfs}
	}
	noIDs := &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.NoAllocation}
	for name, c := range map[string]struct {
		drivers []string
		ids     *idmap.Stop // the stop by ids alone
		up      int
		stop    *idmap.Stop
	}{
		"dir everywhere":                 {[]string{"", Dir, ""}, nil, 3, nil},
		"btrfs everywhere":               {[]string{Btrfs, Btrfs, Btrfs}, nil, 3, nil},
		"within a directory on btrfs":    {[]string{Btrfs, Dir, Btrfs}, nil, 3, nil},
		"below dir":                      {[]string{Dir, Btrfs, Btrfs}, nil, 1, notOnBtrfs(2)},
		"at the last level":              {[]string{Dir, Dir, Btrfs}, nil, 2, notOnBtrfs(3)},
		"storage comes before ids":       {[]string{Dir, Btrfs, Btrfs}, noIDs, 1, notOnBtrfs(2)},
		"ids stop it before storage can": {[]string{Dir, Dir, Btrfs}, noIDs, 1, noIDs},
	} {
		t.Run(name, func(t *testing.T) {
			s := Spec{Levels: make([]LevelSpec, len(c.drivers))}
			for i, driver := range c.drivers {
				s.Levels[i].Storage = driver
			}
			ids := idmap.Plan{Stop: c.ids, Levels: []idmap.PlannedLevel{{Level: 1}, {Level: 2}, {Level: 3}}}
			if c.ids != nil {
				ids.Levels = ids.Levels[:c.ids.Level-1]
			}
			p := s.planStorage(ids, "/proc")
			assert.Len(t, p.Levels, c.up)
			assert.Equal(t, c.stop, p.Stop)
		})
	}
}
