package harness

import (
	"context"
	"strings"
)

// Setting reads a setting of the kernel, by its name for sysctl, at the host, level 0, or at a level.
func (c *Chain) Setting(ctx context.Context, place int, name string) (string, error) {
	out, err := c.shell(ctx, place, "cat /proc/sys/"+strings.ReplaceAll(name, ".", "/"))
	return strings.TrimSpace(out), err
}
