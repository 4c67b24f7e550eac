package life

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// filePrefix is the path prefix of files that must survive what happens to a level.
const filePrefix = "/var/tmp/nestbed-"

// MakeFile makes a file in the level, as user and group id, that contains its own name.
func MakeFile(ctx context.Context, l *harness.Level, id uint32, name string) error {
	_, err := l.ExecAs(ctx, id, nil, "sh", "-c", `printf %s "$1" >"$0"`, filePrefix+name, name)
	return err
}

// HasFile reports whether the level has the file of that name.
func HasFile(ctx context.Context, l *harness.Level, name string) (bool, error) {
	_, err := l.Root().Look(ctx, filePrefix+name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return true, nil
}

// CheckFile checks that the level has the file of that name, with its content, and that it belongs
// to the planned host ids of its user.
func CheckFile(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel, id uint32, name string) ([]harness.Check, error) {
	check := func(what, wanted, got string) harness.Check {
		return harness.Check{Level: l.Index, What: fmt.Sprintf("file %q: %s", name, what), Wanted: wanted, Got: got}
	}
	has, err := HasFile(ctx, l, name)
	if err != nil {
		return nil, err
	}
	if !has {
		return []harness.Check{check("it", "there", "missing")}, nil
	}
	content, err := l.ReadFile(ctx, filePrefix+name)
	if err != nil {
		return nil, err
	}
	owner, err := harness.OwnerOf(ctx, l, filePrefix+name)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return []harness.Check{check("content", strconv.Quote(name), strconv.Quote(string(content))), check("host owner", harness.OnHost(planned, id), owner)}, nil
}

// The program of RecordSIGTERM makes one file when it runs and one when it receives SIGTERM.
const (
	listens = "listens"
	sigterm = "received-sigterm"
	// The shell runs a trap only when the program that it waits for has ended.
	listener = `trap ': >` + filePrefix + sigterm + `; exit' TERM; : >` + filePrefix + listens + `; while :; do usleep 10000; done`
)

// RecordSIGTERM starts a program at the level that makes a file when it receives SIGTERM. It
// returns when the program runs.
func RecordSIGTERM(ctx context.Context, l *harness.Level) error {
	if _, err := l.Exec(ctx, "sh", "-c", background, listener); err != nil {
		return err
	}
	return wait.For(ctx, fmt.Sprintf("level %d: wait for a program to run", l.Index), clockBudget, func(context.Context) error {
		runs, err := HasFile(ctx, l, listens)
		if err == nil && !runs {
			err = errors.New("its file is missing")
		}
		return err
	})
}

// ReceivedSIGTERM reports whether the program of RecordSIGTERM received SIGTERM. The program may
// have ended since.
func ReceivedSIGTERM(ctx context.Context, l *harness.Level) (bool, error) {
	ran, err := HasFile(ctx, l, listens)
	if err == nil && !ran {
		err = fmt.Errorf("level %d: the program of RecordSIGTERM has not run there", l.Index)
	}
	if err != nil {
		return false, err
	}
	return HasFile(ctx, l, sigterm)
}
