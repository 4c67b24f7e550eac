// Package environment translates environment variables into settings. No other library reads the
// environment. CONTRIBUTING.md lists the variables. Callers pass the settings as values to the
// packages that do the work.
package environment

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
)

// The variables.
const (
	Bundle  = "NESTBED_BUNDLE"
	Require = "NESTBED_REQUIRE"
	Reports = "NESTBED_REPORTS"
	Old     = "NESTBED_OLD"
	New     = "NESTBED_NEW"
	Host    = "NESTBED_HOST"
	Pool    = "NESTBED_POOL"
	Members = "NESTBED_MEMBERS"
	Keep    = "NESTBED_KEEP"
)

// Settings are the values of the variables.
type Settings struct {
	Machine
	// Host is the host that scenarios run on.
	Host host.Target
	// Bundle is the source of the bundle. Without a kind, Choose picks one for this machine.
	Bundle bundle.Source
	// Old and New are the sources of the bundles that scenarios call the old and the new version.
	Old, New bundle.Source
	// RequireAll makes scenarios fail instead of being skipped if the machine does not meet their
	// requirements.
	RequireAll bool
	// Reports is the directory for the results of runs; "" writes none.
	Reports string
	// Pool is the storage pool on an existing LXD; "" makes one for each host.
	Pool string
	// Members are the cluster members that are used; empty uses all.
	Members []string
	// Keep keeps the host of a failed scenario.
	Keep bool
	// Guest is the value of Host on the machine that started this virtual machine. It is empty
	// outside of nestbed's virtual machines.
	Guest string
	// Sudo reports whether an ordinary user runs this with sudo.
	Sudo bool
	// Repeat are the variables, as NAME=VALUE, that repeat a scenario in the same way.
	Repeat []string
}

// Read returns the settings. It fails if a variable has an invalid value.
func Read() (Settings, error) {
	s := Settings{
		RequireAll: os.Getenv(Require) == "all",
		Reports:    os.Getenv(Reports), Pool: os.Getenv(Pool), Guest: os.Getenv(Guest),
		Sudo: os.Getenv("SUDO_USER") != "",
	}
	s.Repeat = repeatVariables(s.Guest)
	if text := os.Getenv(Members); text != "" {
		s.Members = strings.Split(text, ",")
	}
	var err error
	if s.Machine, err = ReadMachine(); err != nil {
		return Settings{}, err
	}
	if s.Host, err = host.ParseTarget(os.Getenv(Host)); err != nil {
		return Settings{}, fmt.Errorf("%s: %w", Host, err)
	}
	for _, source := range []struct {
		name, unset string
		to          *bundle.Source
	}{{Bundle, "", &s.Bundle}, {Old, "debian:bookworm", &s.Old}, {New, "debian:trixie", &s.New}} {
		text := os.Getenv(source.name)
		if text == "" {
			text = source.unset
		}
		if text == "" {
			continue
		}
		if *source.to, err = bundle.ParseSource(text); err != nil {
			return Settings{}, fmt.Errorf("%s: %w", source.name, err)
		}
	}
	if text := os.Getenv(Keep); text != "" {
		if s.Keep, err = strconv.ParseBool(text); err != nil {
			return Settings{}, fmt.Errorf("%s: read %q, expected 1 or 0", Keep, text)
		}
	}
	return s, nil
}

func repeatVariables(guest string) []string {
	var set []string
	names := []string{Bundle, Patience}
	if guest != "" {
		set, names = []string{Host + "=" + guest}, []string{Bundle} // nestbed sets the patience in a guest
	}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// Choose returns the source of the bundle. If it had to choose one, why says why it is not the
// installed LXD. check returns an error if the machine is missing something for a kind of bundle.
func (s Settings) Choose(check func(bundle.Kind) error) (source bundle.Source, why string, err error) {
	source = s.Bundle
	if source.Kind == "" {
		if source, why, err = bundle.Choose(); err != nil {
			return bundle.Source{}, "", err
		}
	}
	return source, why, check(source.Kind)
}
