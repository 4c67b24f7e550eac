// Package environment translates environment variables into settings. No other library reads the environment.
// CONTRIBUTING.md lists them. Packages that do the work get settings as values from whoever uses this package.
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

// Settings are what the variables say.
type Settings struct {
	Machine
	// Host is where scenarios run.
	Host host.Target
	// Bundle is the source of the bundle; without a kind it is chosen for the machine.
	Bundle bundle.Source
	// Old and New are the sources of the bundles that scenarios call the old version and the new version.
	Old, New bundle.Source
	// RequireAll makes a failure of what would be skipped because the machine is missing something.
	RequireAll bool
	// Reports is the directory for the results of runs; empty: they are not written.
	Reports string
	// Pool names the storage pool on an existing LXD; empty: each host makes one.
	Pool string
	// Members are the members of that LXD's cluster that are used; empty: all.
	Members []string
	// Keep keeps the host of a scenario that fails.
	Keep bool
	// Guest is what Host was on the machine that started this virtual machine; empty: this is not one of nestbed's.
	Guest string
	// Sudo means that an ordinary user runs this as root by sudo.
	Sudo bool
	// Again are the variables that decide what a scenario is run with, as NAME=VALUE, to run it in the same way again.
	Again []string
}

// Read returns the settings. It fails if a variable has a value that it cannot have.
func Read() (Settings, error) {
	s := Settings{
		RequireAll: os.Getenv(Require) == "all",
		Reports:    os.Getenv(Reports), Pool: os.Getenv(Pool), Guest: os.Getenv(Guest),
		Sudo: os.Getenv("SUDO_USER") != "",
	}
	s.Again = again(s.Guest)
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

func again(guest string) []string {
	var set []string
	names := []string{Bundle, Patience}
	if guest != "" {
		set, names = []string{Host + "=" + guest}, []string{Bundle} // nestbed sets the patience there
	}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// Choose returns the source of the bundle, if need be chosen for this machine, and then why. check reports what the
// machine is missing for a kind of bundle. Its error means that the machine is missing something.
func (s Settings) Choose(check func(bundle.Kind) error) (source bundle.Source, why string, err error) {
	source = s.Bundle
	if source.Kind == "" {
		if source, why, err = bundle.Choose(); err != nil {
			return bundle.Source{}, "", err
		}
	}
	return source, why, check(source.Kind)
}
