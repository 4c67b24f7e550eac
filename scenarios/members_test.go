package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
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
