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

// journal lists what a host has outside of its state directory, so that any process that finds
// the directory can remove the rest as well.
type journal struct {
	Name string `json:"name"`
	// Entry is the path at which the host is registered under StateRoot: the state directory
	// itself, or a symlink to it. The path is valid in the mount namespace Mounts.
	Entry   string    `json:"entry"`
	Mounts  string    `json:"mounts"`
	Created time.Time `json:"created"`
	// Pid is the process that made the host, Started the time at which that process began, Stage
	// the init of the host's namespaces. They are for people to read: the lock decides whether
	// the host is alive.
	Pid     int       `json:"pid"`
	Started time.Time `json:"started"`
	Stage   int       `json:"stage,omitempty"`
	Command string    `json:"command"`
	Cgroups []string  `json:"cgroups"`
	Kept    bool      `json:"kept"`
}

// newJournal returns the journal of a host that this process makes.
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
		Pid: os.Getpid(), Started: processStarted.UTC(), Command: strings.Join(os.Args, " "), Cgroups: groups,
	}, nil
}

// processStarted is the time at which this process initialized its packages.
var processStarted = time.Now() //nolint:gochecknoglobals // of the process

// errTruncated is the error of a journal that a loss of power cut short.
var errTruncated = errors.New("ends too early")

// readJournal reads the journal in a directory. It returns an error unless a host wrote the file,
// because callers remove what a journal lists.
func readJournal(dir string) (journal, error) {
	var j journal
	path := filepath.Join(dir, journalName)
	text, err := os.ReadFile(path)
	if err != nil {
		return j, err
	}
	switch err := json.NewDecoder(bytes.NewReader(text)).Decode(&j); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return j, fmt.Errorf("%s: %w", path, errTruncated)
	case err != nil:
		return j, fmt.Errorf("%s: %w", path, err)
	}
	if !hostName.MatchString(j.Name) {
		return j, fmt.Errorf("%s: read name %q, expected the name of a host", path, j.Name)
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

// hostName matches the names of hosts, which os.MkdirTemp makes. They become parts of paths.
var hostName = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// isNamed reports whether path is absolute and clean, and name is its last element.
func isNamed(path, name string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == path && filepath.Base(path) == name
}

// write replaces the journal atomically.
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
