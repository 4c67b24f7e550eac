package main

import (
	"fmt"
	"io"

	"nestbed/harness"
	"nestbed/harness/host"
)

// keep leaves the chain running, and prints how to enter its levels and how to end it.
func keep(w io.Writer, h host.Host, c *harness.Chain) error {
	if err := host.Keep(h); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nkept as %s. To enter a level, or end everything:\n", h.Name())
	for level := range len(c.Levels) + 1 {
		fmt.Fprintf(w, "  nestbed shell --chain %s %s\n", h.Name(), c.Path(level))
	}
	fmt.Fprintf(w, "  nestbed reap %s\n", h.Name())
	return nil
}
