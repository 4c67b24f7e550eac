package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"nestbed/harness/subid"
)

// configLimit is the largest size, in bytes, of a configuration.
const configLimit = 1 << 20

// readConfig returns the configuration of a container, as lxc config show --expanded prints it. A
// name of - is standard input.
func readConfig(path string, stdin io.Reader) (map[string]string, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, &usageError{err}
		}
		defer file.Close()
		stdin = file
	}
	var shown struct {
		Config map[string]string `yaml:"config"`
	}
	err := yaml.NewDecoder(io.LimitReader(stdin, configLimit)).Decode(&shown)
	if err == nil && shown.Config == nil {
		err = errors.New(`read no key "config"`)
	}
	if err != nil {
		return nil, &usageError{fmt.Errorf("--config %s: %w; give what lxc config show NAME --expanded prints", path, err)}
	}
	return shown.Config, nil
}

// cannotWork reports whether one of the problems keeps containers from starting.
func cannotWork(problems []subid.Problem) bool {
	return slices.ContainsFunc(problems, func(p subid.Problem) bool { return !p.Works })
}
