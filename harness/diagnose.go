package harness

import (
	"context"
	"fmt"
	"strings"
)

// Diagnose tells what a chain looks like, for somebody who was not there: plan and outcome, then for each
// LXD from the host down the end of its log, then the evidence of the stop.
func (c *Chain) Diagnose(ctx context.Context) string {
	if c == nil {
		return "no chain was built"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "host %s: %s\n", c.Host.Name, c.Host.Facts())
	fmt.Fprintf(&b, "allocation %s\nplanned:\n  %s\n", c.Host.Delegation, strings.Join(describe(c.Plan), "\n  "))
	if outcome, err := c.Outcome(ctx); err != nil {
		fmt.Fprintf(&b, "found: %v\n", err)
	} else {
		fmt.Fprintf(&b, "found:\n  %s\n", strings.Join(describe(outcome), "\n  "))
	}
	daemons := []daemon{c.Host}
	for _, l := range c.Levels {
		daemons = append(daemons, l)
	}
	for level, d := range daemons {
		log, err := d.Root().ReadFile("/var/log/lxd.log")
		if err != nil {
			fmt.Fprintf(&b, "level %d: LXD log: %v\n", level, err)
			continue
		}
		fmt.Fprintf(&b, "level %d: LXD log ends:\n  %s\n", level, strings.Join(tail(string(log), 4), "\n  "))
	}
	if c.Stop != nil {
		fmt.Fprintf(&b, "stop: %v\n", c.Stop)
	}
	return b.String()
}
