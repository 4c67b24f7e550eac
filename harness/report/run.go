package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

// RunFile is the name of a run's file in its directory.
const RunFile = "results.json"

// A Run is the outcomes of one run of the scenarios, which can be compared with those of another.
type Run struct {
	Facts     host.Facts `json:"facts"`
	Scenarios []Scenario `json:"scenarios"`
	// Interrupted is true if the run ended early; scenarios are then missing or failed by that.
	Interrupted bool `json:"interrupted,omitempty"`
}

// A Status is how a scenario ended.
type Status string

// The statuses. A scenario is skipped if the machine does not meet its requirements.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Scenario is one scenario of a run, or one row of an outline.
type Scenario struct {
	// Name is the name of the feature and of the scenario. It is the same in every run.
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Rule is the rule of the feature that the scenario belongs to.
	Rule string `json:"rule,omitempty"`
	// Tag is the version tag, such as @lxd, because of which the scenario was skipped. Fact is the
	// feature's comment on it: what is different in the other versions.
	Tag  string `json:"tag,omitempty"`
	Fact string `json:"fact,omitempty"`
	// Seconds are the times that the scenario took, one for each time that it ran.
	Seconds []float64 `json:"seconds,omitempty"`
	// Levels are the last levels that started, with their measured maps. Stop is where and why
	// the chain stopped.
	Levels []idmap.PlannedLevel `json:"levels,omitempty"`
	Stop   *idmap.Stop          `json:"stop,omitempty"`
	// Member is the cluster member that the scenario ran on.
	Member string `json:"member,omitempty"`
	// Error is the reason if the scenario failed or was skipped. Diagnosis is further
	// information, in lines.
	Error     string   `json:"error,omitempty"`
	Diagnosis []string `json:"diagnosis,omitempty"`
}

// Took returns how long the scenario took in seconds, added up if it ran several times.
func (s Scenario) Took() (sum float64) {
	for _, once := range s.Seconds {
		sum += once
	}
	return sum
}

// Count returns the number of scenarios with a status.
func (r Run) Count(of Status) (n int) {
	for _, s := range r.Scenarios {
		if s.Status == of {
			n++
		}
	}
	return n
}

// Sort sorts the scenarios by name. Rows of an outline with the same name are numbered in their
// order.
func (r *Run) Sort() {
	slices.SortStableFunc(r.Scenarios, func(a, b Scenario) int { return strings.Compare(a.Name, b.Name) })
	for i := range r.Scenarios {
		same := 1
		for i+same < len(r.Scenarios) && r.Scenarios[i+same].Name == r.Scenarios[i].Name {
			r.Scenarios[i+same].Name += fmt.Sprintf(" #%d", same+1)
			same++
		}
	}
}

// unsafeChars matches the characters that directory names must not contain.
var unsafeChars = regexp.MustCompile(`[^A-Za-z0-9.+~-]+`)

// Directory returns the name of the directory, in the one for reports, of a run with the bundle's
// daemon: the name of its package, or its version.
func Directory(b *bundle.Bundle) string {
	name := b.Package
	if name == "" {
		name = b.Daemon()
	}
	return strings.Trim(unsafeChars.ReplaceAllString(name, "-"), "-.")
}

// Save writes the run into its directory, which it makes, as JSON and as JUnit's XML.
func (r Run) Save(dir string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	junit, err := r.junit()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(dir, JUnitFile), junit, 0o644); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, RunFile), []byte(printable.Text(string(text))+"\n"), 0o644)
}

// LoadRun reads a run from its directory or its file.
func LoadRun(path string) (Run, error) {
	var r Run
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, RunFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("run: %w; give a directory of reports, as make test writes it, or its %s", err, RunFile)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("run %s: %w", path, err)
	}
	return r, r.check(path)
}

// LoadRuns reads several runs of the same version on the same machine and merges them.
func LoadRuns(paths []string) (Run, error) {
	all, err := LoadRun(paths[0])
	if err != nil {
		return all, err
	}
	for _, path := range paths[1:] {
		next, err := LoadRun(path)
		if err != nil {
			return all, err
		}
		if all, err = all.merge(next); err != nil {
			return all, fmt.Errorf("runs %s and %s: %w", paths[0], path, err)
		}
	}
	return all, nil
}

// check returns an error if the file holds something else than a run, or was edited into an
// invalid one.
func (r Run) check(path string) error {
	if len(r.Scenarios) == 0 {
		return fmt.Errorf("run %s: no scenarios in it; give a file that a run of the scenarios has written", path)
	}
	seen := map[string]bool{}
	for _, s := range r.Scenarios {
		switch {
		case s.Name == "" || seen[s.Name]:
			return fmt.Errorf("run %s: scenario %q: empty or duplicate name; run the scenarios again", path, s.Name)
		case s.Status != Passed && s.Status != Failed && s.Status != Skipped:
			return fmt.Errorf("run %s: scenario %q: status %q: expected passed, failed or skipped", path, s.Name, s.Status)
		}
		seen[s.Name] = true
	}
	return nil
}

// merge adds the scenarios and times of another run. It fails unless version and machine are the
// same. If a scenario failed in either run, it counts as failed.
func (r Run) merge(other Run) (Run, error) {
	if r.Facts != other.Facts {
		return r, fmt.Errorf("different versions or machines (%s and %s); give runs of one version on one machine", r.Facts, other.Facts)
	}
	r.Scenarios = slices.Clone(r.Scenarios)
	for _, s := range other.Scenarios {
		i := slices.IndexFunc(r.Scenarios, func(o Scenario) bool { return o.Name == s.Name })
		if i < 0 {
			r.Scenarios = append(r.Scenarios, s)
			continue
		}
		own := &r.Scenarios[i]
		seconds := slices.Concat(own.Seconds, s.Seconds)
		if s.Status == Failed {
			*own = s
		}
		own.Seconds = seconds
	}
	slices.SortFunc(r.Scenarios, func(a, b Scenario) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}
