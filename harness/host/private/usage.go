package private

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPU returns the processor time that everything on the host has used.
func (h *Host) CPU() (time.Duration, error) {
	dir, v2, err := h.Controller("cpuacct")
	if err != nil {
		if dir, v2, err = h.Controller("cpu"); err != nil { // v2 has no cpuacct
			return 0, err
		}
	}
	if v2 {
		n, err := readCounter(filepath.Join(dir, "cpu.stat"), "usage_usec")
		return time.Duration(n) * time.Microsecond, err
	}
	n, err := readCounter(filepath.Join(dir, "cpuacct.usage"), "")
	return time.Duration(n), err
}

// Memory returns the anonymous memory that everything on the host uses now, in bytes. Page cache
// is not included (Documentation/admin-guide, cgroup-v1/memory.rst and cgroup-v2.rst).
func (h *Host) Memory() (int64, error) {
	dir, v2, err := h.Controller("memory")
	if err != nil {
		return 0, err
	}
	field := "total_rss"
	if v2 {
		field = "anon"
	}
	return readCounter(filepath.Join(dir, "memory.stat"), field)
}

// WatchMemory reads Memory ten times per second until ctx ends or peak is called. peak returns
// the highest value, in bytes.
func (h *Host) WatchMemory(ctx context.Context) (peak func() (int64, error)) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	var most int64
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			now, err := h.Memory()
			most = max(most, now)
			if err != nil {
				ended <- err
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				ended <- nil
				return
			}
		}
	}()
	return func() (int64, error) {
		stop()
		err := <-ended
		return most, err
	}
}

// readCounter returns the number after word, in the line that begins with word. Without a word,
// it returns the only number of the file.
func readCounter(path, word string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found {
			key, value = "", key
		}
		if key == word {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("%s: read %q, expected a line %q", path, text, word)
}

// Disk returns how many bytes the files of the host and all levels occupy.
func (h *Host) Disk() (int64, error) {
	var sum int64
	err := filepath.WalkDir(h.dir.path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		sum += info.Sys().(*syscall.Stat_t).Blocks * 512 // man 2 stat
		return nil
	})
	return sum, err
}
