package private

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// filler is the file that fills the host's disk.
const filler = "/var/lib/lxd/nestbed.filler"

// FillDisk fills the disk that Config.Disk gave the host. It fails if the host has none.
func (h *Host) FillDisk() error {
	if h.disk == 0 {
		return h.wrap("fill its disk", errors.New("it has no disk of its own, and nestbed does not fill the machine's"))
	}
	root, err := h.root.Local()
	if err != nil {
		return h.wrap("fill its disk", err)
	}
	f, err := root.Create(filler, 0o600)
	if errors.Is(err, fs.ErrExist) { // an earlier call made it
		f, err = root.OpenFile(filler, os.O_WRONLY)
	}
	if err != nil {
		return h.wrap("fill its disk", err)
	}
	defer f.Close()
	size := int64(0)
	for _, piece := range []int64{1 << 20, int64(os.Getpagesize())} { // the small pieces fill what the large ones leave
		for err = nil; err == nil; size += piece {
			err = unix.Fallocate(int(f.Fd()), 0, size, piece)
		}
		size -= piece
		if !errors.Is(err, unix.ENOSPC) {
			return h.wrap("fill its disk", err)
		}
	}
	return nil
}
