package private

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"nestbed/harness/internal/cgroup"
)

const journalName = "journal.json"

// journal says what stands outside the state directory, so that whoever finds
// the directory can clear the rest as well.
type journal struct {
	Name string `json:"name"`
	// Entry is where the host is entered under StateRoot: the directory itself, or a link to it. Mounts
	// is the mount namespace in which that is its path.
	Entry   string    `json:"entry"`
	Mounts  string    `json:"mounts"`
	Created time.Time `json:"created"`
	// Pid is the process that made the host, Started when that began, Stage the init of its
	// namespaces: for people to read. Whether they live is told by the lock, not by the pid.
	Pid     int       `json:"pid"`
	Started time.Time `json:"started"`
	Stage   int       `json:"stage,omitempty"`
	Command string    `json:"command"`
	Cgroups []string  `json:"cgroups"`
	Kept    bool      `json:"kept"`
}

// newJournal returns that of a host of this process.
func (r StateRoot) newJournal(name string) (journal, error) {
	groups, err := cgroup.Plan(name)
	if err != nil {
		return journal{}, err
	}
	mounts, err := mountNamespace("self")
	if err != nil {
		return journal{}, err
	}
	return journal{
		Name: name, Entry: r.entry(name), Mounts: mounts, Created: time.Now().UTC(),
		Pid: os.Getpid(), Started: began.UTC(), Command: strings.Join(os.Args, " "), Cgroups: groups,
	}, nil
}

// began is when this process did, but for what it did before its packages were initialized.
var began = time.Now() //nolint:gochecknoglobals // of the process

// errCut is a journal that ends too early, as after a loss of power.
var errCut = errors.New("ends too early")

// readJournal reads the journal of a directory. A file of that name that no host of ours wrote is an
// error: what stands in a journal is removed.
func readJournal(dir string) (journal, error) {
	var j journal
	path := filepath.Join(dir, journalName)
	text, err := os.ReadFile(path)
	if err != nil {
		return j, err
	}
	switch err := json.NewDecoder(bytes.NewReader(text)).Decode(&j); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return j, fmt.Errorf("%s: %w", path, errCut)
	case err != nil:
		return j, fmt.Errorf("%s: %w", path, err)
	}
	if !hostName.MatchString(j.Name) {
		return j, fmt.Errorf("%s: the name is %q, expected that of a host", path, j.Name)
	}
	if j.Entry != "" && !isNamed(j.Entry, j.Name) {
		return j, fmt.Errorf("%s: the entry is %q, expected one named %s", path, j.Entry, j.Name)
	}
	for _, group := range j.Cgroups {
		if !isNamed(group, cgroup.Prefix+j.Name) {
			return j, fmt.Errorf("%s: the cgroup is %q, expected one named %s", path, group, cgroup.Prefix+j.Name)
		}
	}
	return j, nil
}

// hostName is what hosts are named: as os.MkdirTemp names directories. It becomes part of paths.
var hostName = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// isNamed reports whether a path is a whole one, without detours, whose last part is the name.
func isNamed(path, name string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && filepath.Base(path) == name
}

// write replaces the journal at one stroke: it is either the old or the new one, after a crash too.
func (s *stateDir) write() error {
	text, err := json.MarshalIndent(s.journal, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(s.path, journalName), text, 0o600)
}

func (s *stateDir) keep() error {
	s.journal.Kept = true
	return s.write()
}
