package steps

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/wait"
)

func TestAThenStepThatCannotFailIsFound(t *testing.T) {
	s := &scenario{pool: &pool{Mutate: 100}}
	maps := table([]string{"level", "count"}, []string{"1", "65536"}, []string{"2", "65536"})
	const number, place, text, rows = `^it is (\d+)$`, `^level (\d+) is up$`, `^it says "([^"]*)"$`, `^the maps are$`
	for name, c := range map[string]struct {
		pattern string
		method  any
		args    []any
		said    string // in the error, none if empty
	}{
		"compares":              {number, func(n int) error { return s.equal("it", 4, n) }, []any{4}, ""},
		"compares an id":        {number, func(n uint32) error { return s.equal("it", uint32(4), n) }, []any{uint32(4)}, ""},
		"ignores the value":     {number, func(int) error { return nil }, []any{4}, `with "5" instead of "4" it also passes`},
		"parses":                {text, parses, []any{"4"}, `with "5" instead of "4" it fails before it compares: invalid: 5`},
		"looks at some cells":   {rows, func(t *godog.Table) error { return s.equal("n", "65536", t.Rows[1].Cells[1].Value) }, []any{maps}, `it also passes`},
		"looks at all cells":    {rows, s.everyCell(maps), []any{maps}, ""},
		"says where, compares":  {place, func(int) error { return s.equal("it", "up", "up") }, []any{1}, ""},
		"says only where":       {place, func(int) error { return nil }, []any{1}, "with a wrong value expected from comparison 1 on it also passes"},
		"ignores the second":    {place, s.forgets, []any{1}, "with a wrong value expected from comparison 2 on it also passes"},
		"holds checks":          {place, s.checks, []any{1}, ""},
		"holds no checks":       {place, func(int) error { return s.hold(nil, nil) }, []any{1}, "it also passes"},
		"waits for the value":   {number, s.waits, []any{4}, "it must wait for what is planned, then compare"},
		"fails as it is":        {place, func(int) error { return errors.New("broken") }, []any{1}, "it fails before it compares: broken"},
		"fails with the value":  {number, func(n int) error { return s.equal("it", 6, n) }, []any{4}, "it: wanted 6, got 4"},
		"takes a context first": {number, func(_ context.Context, n int) error { return s.equal("it", 4, n) }, []any{t.Context(), 4}, ""},
	} {
		in := make([]reflect.Value, 0, len(c.args))
		for _, arg := range c.args {
			in = append(in, reflect.ValueOf(arg))
		}
		err, _ := reflect.ValueOf(s.canFail(c.pattern, c.method)).Call(in)[0].Interface().(error)
		if c.said == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.said, name)
		}
		assert.Zero(t, s.wrongFrom, name)
	}
	assert.Equal(t, "65536", maps.Rows[2].Cells[1].Value, "the scenario's own table")
}

func parses(text string) error {
	if text != "4" {
		return fmt.Errorf("invalid: %s", text)
	}
	return nil
}

func (s *scenario) everyCell(wanted *godog.Table) func(*godog.Table) error {
	cells := func(t *godog.Table) (all []string) {
		for _, row := range t.Rows {
			for _, cell := range row.Cells {
				all = append(all, cell.Value)
			}
		}
		return all
	}
	return func(got *godog.Table) error { return s.equal("table", cells(wanted), cells(got)) }
}

// forgets compares two things, but ignores the result of the second comparison.
func (s *scenario) forgets(int) error {
	if err := s.equal("first", 1, 1); err != nil {
		return err
	}
	_ = s.equal("second", 2, 2)
	return nil
}

func (s *scenario) checks(int) error {
	return s.hold([]harness.Check{{What: "a", Wanted: "1", Got: "1"}, {What: "b", Wanted: "2", Got: "2"}}, nil)
}

func (s *scenario) waits(wanted int) error {
	return wait.For(context.Background(), "wait", 20*time.Millisecond, func(context.Context) error {
		return s.equal("it", wanted, 4)
	})
}

func TestWrongValuesHaveTheTypeOfTheRightOnes(t *testing.T) {
	p := &pool{Versions: map[string]bundle.Source{
		"the old version": {Kind: bundle.Debian, Arg: "bookworm"}, "the new version": {Kind: bundle.Debian, Arg: "trixie"},
	}}
	for _, c := range []struct{ pattern, value, wrong string }{
		{`^stops at level (?P<wanted>\d+)$`, "2", "1"},
		{`^stops at level (?P<wanted>\d+)$`, "0", "1"},
		{`^is id (\d+)$`, "4294967295", "4294967294"},
		{`^in operation "([^"]*)"$`, "storage", "network"},
		{`^for the reason "([^"]*)"$`, "no allocation", "allocation outside the parent"},
		{`^is that of "([^"]*)"$`, "the old version", "the new version"},
		{`^is that of "([^"]*)"$`, "debian:bookworm", "the new version"},
		{`^is that of "([^"]*)"$`, "debian:trixie", "the old version"},
		{`^root (may|may not) do it$`, "may not", "may"},
		{`^root (may|may not) do it$`, "may", "may not"},
		{`^is (unset|"[^"]*")$`, "unset", `"other"`},
		{`^is (unset|"[^"]*")$`, `"true"`, "unset"},
		{`^share (no|all|\d+) ids$`, "no", "all"},
		{`^share (no|all|\d+) ids$`, strconv.Itoa(31072), "31073"},
		{`^by (\S+)$`, "tmpfs", "other"},
	} {
		assert.Equal(t, c.wrong, p.another(captures(c.pattern)[0], c.value), "%s: %s", c.pattern, c.value)
	}
	for _, place := range []string{`level (\d+) is`, `the LXD of (the host|level \d+) is`, `sibling ([A-Z]) is`, `nothing covers (/\S+)`, `not the file "(?P<name>[^"]*)"`} {
		assert.False(t, captures(place)[0].wanted, place)
	}
	assert.False(t, captures(`^usermod (?:on|at) level (\d+)$`)[0].wanted)
}
