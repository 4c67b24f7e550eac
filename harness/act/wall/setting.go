package wall

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"nestbed/harness"
)

// settingName matches a sysctl name.
var settingName = regexp.MustCompile(`^` + settingPattern + `$`)

const settingPattern = `[a-z0-9_]+(?:\.[a-z0-9_-]+)+`

// Setting returns the value of a kernel setting, by its sysctl name, on the host (level 0) or at a
// level.
func Setting(ctx context.Context, c *harness.Chain, place int, name string) (string, error) {
	if !settingName.MatchString(name) {
		return "", fmt.Errorf("setting %q: expected a name such as kernel.pid_max", name)
	}
	out, err := shell(ctx, c, place, "cat /proc/sys/"+strings.ReplaceAll(name, ".", "/"))
	return strings.TrimSpace(out), err
}
