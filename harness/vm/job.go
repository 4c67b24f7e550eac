package vm

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Job is what a virtual machine is started for.
type Job struct {
	// Args are the program's, without its name. The program is the one that runs now.
	Args []string `json:"args"`
	// Env is added to the guest's environment, as NAME=VALUE.
	Env []string `json:"env"`
	// Results are directories that come out of the guest as they fill, by the variable that names each to the program:
	// NESTBED_REPORTS, say. They have the same absolute path in the guest, so that what the program says of them holds.
	Results map[string]string `json:"results"`
	// Packages are the names in the guest's cache of what is on its further disks, in their order. Run sets them.
	Packages []string `json:"packages"`
}

// The names on the disk that carries a job into the guest.
const (
	programName = "program"
	jobName     = "job.json"
)

// write makes the disk: a tar archive, which a block device can be read as.
func (j Job) write(to io.Writer, program string) error {
	f, err := os.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	w := tar.NewWriter(to)
	for _, e := range []struct {
		name string
		mode int64
		size int64
		data io.Reader
	}{{programName, 0o755, info.Size(), f}, {jobName, 0o644, int64(len(text)), bytes.NewReader(text)}} {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: e.mode, Size: e.size, Format: tar.FormatPAX}); err != nil {
			return fmt.Errorf("disk for the guest: %w", err)
		}
		if _, err := io.Copy(w, e.data); err != nil {
			return fmt.Errorf("disk for the guest: %w", err)
		}
	}
	return w.Close()
}
