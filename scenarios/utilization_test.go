package scenarios_test

import (
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/procfs"
)

// utilization is a reading of how busy the machine's processors have been. Idle processors mean
// that more chains could run at a time.
type utilization struct {
	began      time.Time
	busy, idle float64 // processor seconds since the machine started
}

func readUtilization() (u utilization, err error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return u, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return u, err
	}
	all := stat.CPUTotal
	// Guest time is part of user time already (man 5 proc_stat).
	return utilization{time.Now(), all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ + all.Steal, all.Idle + all.Iowait}, nil
}

// since describes, in one line, how busy the processors were between two readings.
func (u utilization) since(before utilization) string {
	busy, idle := u.busy-before.busy, u.idle-before.idle
	share := 0.0
	if busy+idle > 0 {
		share = busy / (busy + idle)
	}
	return fmt.Sprintf("%d processors, %.0f %% busy during %.0f s", runtime.NumCPU(), 100*share, u.began.Sub(before.began).Seconds())
}
