package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/steps"
)

// membersEnv names the members of a cluster, with commas between, on which the scenarios shall be. Unset: all.
const membersEnv = "NESTBED_MEMBERS"

// clusterOf is the cluster of the LXD at an address; nil if it is in none, or there is no such LXD. It is closed with the test.
func clusterOf(t *testing.T, address string) *host.Cluster {
	t.Helper()
	if address == "" {
		return nil
	}
	var names []string
	if text := os.Getenv(membersEnv); text != "" {
		names = strings.Split(text, ",")
	}
	c, err := host.OpenCluster(t.Context(), address, os.Getenv(poolEnv), names...)
	require.NoError(t, err)
	if c == nil {
		return nil
	}
	fmt.Fprintf(os.Stdout, "on the members %s\n", c)
	t.Cleanup(func() {
		err := c.Close(context.Background())
		var left *host.LeftError
		if errors.As(err, &left) {
			fmt.Fprintln(os.Stdout, left) // it is nobody's failure
			return
		}
		assert.NoError(t, err)
	})
	return c
}

// isSet tells whether a flag was given.
func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// pathsOf are the places of scenarios, by their names. Those of an outline have one, and are run together.
func pathsOf(t *testing.T, of godog.Options, names map[string]string) (paths []string) {
	t.Helper()
	read, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	require.NoError(t, err)
	for _, f := range read {
		lines := map[string]int64{}
		for _, s := range scenariosIn(f.Feature) {
			lines[s.Id] = s.Location.Line
		}
		for _, p := range f.Pickles {
			path := fmt.Sprintf("%s:%d", p.Uri, lines[p.AstNodeIds[0]])
			if _, named := names[steps.ScenarioName(p)]; named && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	require.NotEmpty(t, paths)
	return paths
}

// scenariosIn are the scenarios of a feature, and of its rules.
func scenariosIn(f *messages.Feature) (all []*messages.Scenario) {
	for _, c := range f.Children {
		if c.Scenario != nil {
			all = append(all, c.Scenario)
		}
		if c.Rule != nil {
			for _, inner := range c.Rule.Children {
				if inner.Scenario != nil {
					all = append(all, inner.Scenario)
				}
			}
		}
	}
	return all
}

func TestScenariosHavePlaces(t *testing.T) {
	opts := options
	read, err := godog.TestSuite{Options: &opts}.RetrieveFeatures()
	require.NoError(t, err)
	all := map[string]string{}
	for _, f := range read {
		for _, p := range f.Pickles {
			all[steps.ScenarioName(p)] = ""
		}
	}
	opts.Paths = pathsOf(t, opts, all)
	again, err := godog.TestSuite{Options: &opts}.RetrieveFeatures()
	require.NoError(t, err)
	found := map[string]string{}
	for _, f := range again {
		for _, p := range f.Pickles {
			found[steps.ScenarioName(p)] = ""
		}
	}
	assert.Equal(t, all, found)
}
