// Command nestbed-relay serves a level's LXD and files to nestbed over its standard input and
// output. nestbed pushes it into levels that it cannot reach from outside. The protocol is that
// of package relay. The program ends when its input ends.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"nestbed/harness/reach/relay"
)

func main() {
	args := os.Args[1:]
	switch {
	case slices.Equal(args, []string{relay.Pushed}):
		// Removed first, so that nothing is left however the program ends.
		err := removeSelf()
		if err == nil {
			err = relay.Serve(context.Background(), stdio{})
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", relay.Program, err)
			os.Exit(1)
		}
	case slices.Equal(args, []string{relay.AskKey}):
		fmt.Println(relay.Key())
	case len(args) == 2 && args[0] == relay.TakeAll:
		relay.Hold(args[1], os.Stdout)
	case len(args) == 2 && args[0] == relay.TakeOne:
		if _, err := relay.Take(args[1], 1); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fmt.Fprintf(os.Stderr, "%s: only nestbed runs this program, inside a level; see nestbed up --help\n", relay.Program)
		os.Exit(2)
	}
}

func removeSelf() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// stdio joins standard input and output into one connection.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

// Close closes the output. The process ends right afterwards.
func (stdio) Close() error { return os.Stdout.Close() }
