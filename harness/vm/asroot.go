package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"nestbed/harness/internal/command"
)

// asRoot runs a program as root. An account other than root runs it in a user namespace that maps
// its own id and its subordinate ids (man 1 unshare, --map-auto).
func asRoot(ctx context.Context, program string, args ...string) error {
	path, err := findProgram(program)
	if err != nil {
		return err
	}
	cmd := command.New(ctx, path, args...)
	if os.Geteuid() != 0 {
		cmd = command.New(ctx, "unshare", append([]string{"--map-root-user", "--map-auto", "--", path}, args...)...)
	}
	return runCommand(cmd)
}

// findProgram returns the path of a program. It also searches root's directories.
func findProgram(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if path, elsewhere := exec.LookPath(dir + program); elsewhere == nil {
			return path, nil
		}
	}
	return "", err
}

// runCommand runs a command. Its error ends with the last line of the output.
func runCommand(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", cmd.Args[0], err, lines[len(lines)-1])
	}
	return nil
}
