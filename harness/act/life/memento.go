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

// mementos is where files are left that shall outlive what happens to a level.
const mementos = "/var/tmp/nestbed-"

// Leave has a user of the level, whose id is also the group's, make a file that holds its own name.
func Leave(ctx context.Context, l *harness.Level, id uint32, name string) error {
	_, err := l.ExecAs(ctx, id, nil, "sh", "-c", `printf %s "$1" >"$0"`, mementos+name, name)
	return err
}

// Left tells whether the level has the file of that name.
func Left(ctx context.Context, l *harness.Level, name string) (bool, error) {
	_, err := l.Root().Look(ctx, mementos+name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return true, nil
}

// CheckLeft looks whether the level has the file of that name, whole and under the
// ids that its user has on the host by the plan.
func CheckLeft(ctx context.Context, l *harness.Level, planned idmap.PlannedLevel, id uint32, name string) ([]harness.Check, error) {
	check := func(what, wanted, got string) harness.Check {
		return harness.Check{Level: l.Index, What: fmt.Sprintf("file %q: %s", name, what), Wanted: wanted, Got: got}
	}
	has, err := Left(ctx, l, name)
	if err != nil {
		return nil, err
	}
	if !has {
		return []harness.Check{check("it", "there", "missing")}, nil
	}
	content, err := l.ReadFile(ctx, mementos+name)
	if err != nil {
		return nil, err
	}
	owner, err := harness.OwnerOf(ctx, l, mementos+name)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return []harness.Check{check("content", strconv.Quote(name), strconv.Quote(string(content))), check("host owner", harness.OnHost(planned, id), owner)}, nil
}

// A program that leaves word has two files: that it runs, and that it was asked to end (SIGTERM).
const (
	listens = "listens"
	asked   = "was-asked"
	// The shell does what a trap says when the program that it waits for has ended.
	listener = `trap ': >` + mementos + asked + `; exit' TERM; : >` + mementos + listens + `; while :; do usleep 10000; done`
)

// LeaveWord starts a program at the level that leaves word when it is asked to end, and returns when it runs.
func LeaveWord(ctx context.Context, l *harness.Level) error {
	if _, err := l.Exec(ctx, "sh", "-c", background, listener); err != nil {
		return err
	}
	return wait.For(ctx, fmt.Sprintf("level %d: wait for a program to run", l.Index), clockBudget, func(context.Context) error {
		runs, err := Left(ctx, l, listens)
		if err == nil && !runs {
			err = errors.New("it has not said that it does")
		}
		return err
	})
}

// WasAsked tells whether the program of LeaveWord, which may have ended since, was asked to.
func WasAsked(ctx context.Context, l *harness.Level) (bool, error) {
	ran, err := Left(ctx, l, listens)
	if err == nil && !ran {
		err = fmt.Errorf("level %d: no program has run there that could have been asked to end", l.Index)
	}
	if err != nil {
		return false, err
	}
	return Left(ctx, l, asked)
}
