package postmortem

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"nestbed/harness/artifact"
)

// Files returns the diagnosis as files: its text, plan and outcome as JSON, and the whole logs.
func (d *Diagnosis) Files() []artifact.File {
	files := []artifact.File{{Name: "diagnosis.txt", Body: []byte(d.String())}}
	if len(d.Places) == 0 {
		return files
	}
	files = append(files, asJSON("plan.json", d.Plan), asJSON("outcome.json", d.Outcome()))
	for _, p := range d.Places {
		dir := fmt.Sprintf("%d-%s", p.Level, artifact.Slug(p.Name))
		for name, log := range map[string]string{"lxc.log": p.LXCLog, "lxd.log": p.DaemonLog, "goroutines.txt": p.Goroutines} {
			if log != "" {
				files = append(files, artifact.File{Name: filepath.Join(dir, name), Body: []byte(log)})
			}
		}
	}
	return files
}

func asJSON(name string, v any) artifact.File {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // plans are plain data
	}
	return artifact.File{Name: name, Body: append(text, '\n')}
}
