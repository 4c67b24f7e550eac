package start

import (
	"sync"

	"nestbed/harness/host/private"
	"nestbed/harness/internal/rerun"
	"nestbed/harness/inventory"
	"nestbed/harness/reach"
)

var once sync.Once //nolint:gochecknoglobals // programs are registered once per process

// Init runs a helper program if this process was started as one, and does not return then.
// programs register more helper programs.
//
// A program that starts hosts calls Init first in main or TestMain, because hosts, requirements
// and probes run this program again.
func Init(programs ...func()) {
	once.Do(func() {
		for _, register := range append(programs, private.RegisterPrograms, inventory.RegisterPrograms, reach.RegisterPrograms) {
			register()
		}
		rerun.Main()
	})
}
