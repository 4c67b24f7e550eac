package vm

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// A Job is a program run in a virtual machine.
type Job struct {
	// Args are the program's arguments, without its name. The program is always the running one.
	Args []string `json:"args"`
	// Env is added to the guest's environment, as NAME=VALUE.
	Env []string `json:"env"`
	// Files are files in the program's working directory, by their paths in it.
	Files map[string][]byte `json:"files"`
	// Results maps an environment variable, such as NESTBED_REPORTS, to the directory that it
	// names. The guest uses the same absolute paths, so that paths in the program's output are
	// valid on the host. New files are copied out as they appear.
	Results map[string]string `json:"results"`
	// Packages are the names in the guest's cache of the disks with packages, in order. Run sets
	// them.
	Packages []string `json:"packages"`
}

// The names on the disk that carries a job into the guest.
const (
	programName = "program"
	jobName     = "job.json"
)

// write makes the disk: a tar archive, which can be read from a block device.
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
