// Command nestbed-relay is what nestbed pushes into a level to reach the LXD and the files there, where it cannot do that from
// outside. It speaks over its standard input and output, as package relay has it, and ends with its input.
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
		// Nothing of it shall be left, however it ends.
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
	default:
		fmt.Fprintf(os.Stderr, "%s: it is for nestbed, which pushes it into a level and starts it there; run nestbed up --help\n", relay.Program)
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

// stdio is standard input and output as one connection.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

// Close ends the output; the process ends with it.
func (stdio) Close() error { return os.Stdout.Close() }
