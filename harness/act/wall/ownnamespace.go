package wall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"nestbed/harness"
	"nestbed/harness/attempt"
	"nestbed/harness/internal/command"
)

// mapScript makes a user namespace and writes its uid_map from the parent namespace. It always
// kills the one process in the namespace, which ends the namespace too.
const mapScript = `unshare --user sh -c 'echo $$; exec timeout 60 tail -f /dev/null' | {
read pid
echo "` + attempt.TriedMark + `"
echo "0 0 %d" | tee /proc/$pid/uid_map 2>&1 >/dev/null
status=$?
kill $pid
echo "` + attempt.StatusMark + `$status"
}`

// TryMap tries to map the ids from 0 to count-1 into a new user namespace, as root of the level.
// The kernel refuses more ids than the level has (kernel/user_namespace.c, map_write). TryMap
// enters the level's user namespace with the machine's unshare (util-linux), because levels have
// none.
func TryMap(ctx context.Context, l *harness.Level, count uint32) (attempt.Attempt, error) {
	pid, err := l.Pid()
	if err != nil {
		return attempt.Attempt{}, err
	}
	var stderr bytes.Buffer
	cmd := command.New(ctx, "nsenter", "--target", strconv.Itoa(pid), "--user", "--", "sh", "-c", fmt.Sprintf(mapScript, count))
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = errors.Join(err, errors.New(stderr.String()))
		return attempt.Attempt{}, fmt.Errorf("level %d: make a user namespace: %w", l.Index, err)
	}
	return attempt.Parse(l.Index, fmt.Sprintf("map %d ids", count), string(out))
}
