package steps

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"

	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// canFail wraps the method of a Then step with a mutation test: it first runs the method with up
// to Suite.Mutate wrong values. Each of these runs must fail with a mismatch.
func (s *scenario) canFail(pattern string, method any) any {
	do := reflect.ValueOf(method)
	return reflect.MakeFunc(do.Type(), func(in []reflect.Value) []reflect.Value {
		if err := s.failsIfWrong(pattern, do, in); err != nil {
			err = fmt.Errorf("step %s: %w", pattern, err)
			return []reflect.Value{reflect.ValueOf(&err).Elem()}
		}
		return do.Call(in)
	}).Interface()
}

func (s *scenario) failsIfWrong(pattern string, do reflect.Value, in []reflect.Value) error {
	run := func(in []reflect.Value) error {
		err, _ := do.Call(in)[0].Interface().(error)
		return err
	}
	wrongs := s.pool.wrongs(pattern, in)
	for i := range min(s.pool.Mutate, len(wrongs)) {
		w := wrongs[(s.draw(pattern, in)+i)%len(wrongs)]
		if err := failed(w.what, run(w.in)); err != nil {
			return err
		}
	}
	if len(wrongs) > 0 {
		return nil
	}
	// A step without values compares with computed values. Here these are replaced by wrong ones,
	// from comparison number from on. Comparisons that a step makes together fail together, so the
	// next run starts after the last one made.
	defer func() { s.wrongFrom = 0 }()
	for from, i := 1, 0; i < s.pool.Mutate; i++ {
		s.compared, s.wrongFrom = 0, from
		err := run(in)
		if from > 1 && s.compared < from {
			return nil
		}
		if err := failed(fmt.Sprintf("a wrong value expected from comparison %d on", from), err); err != nil {
			return err
		}
		from = s.compared + 1
	}
	return nil
}

// failed returns an error unless err is a mismatch.
func failed(what string, err error) error {
	var saw *mismatch
	switch {
	case err == nil:
		return fmt.Errorf("with %s it also passes: it does not compare that value", what)
	case !errors.As(err, &saw):
		return fmt.Errorf("with %s it fails before it compares: %w", what, err)
	case errors.Is(err, wait.ErrTimeout):
		return fmt.Errorf("with %s it times out; it must wait for what is planned, then compare: %w", what, err)
	}
	return nil
}

// wrong holds the arguments of a step, one of them replaced by another valid value of its type.
type wrong struct {
	what string
	in   []reflect.Value
}

// wrongs returns all wrong arguments of a step. A step whose captures only say where to look has
// none.
func (p *pool) wrongs(pattern string, in []reflect.Value) []wrong {
	var all []wrong
	add := func(at int, value reflect.Value, what string, args ...any) {
		changed := slices.Clone(in)
		changed[at] = value
		all = append(all, wrong{fmt.Sprintf(what, args...), changed})
	}
	at := 0
	if len(in) > 0 && in[0].Type() == reflect.TypeFor[context.Context]() {
		at = 1
	}
	for _, c := range captures(pattern) {
		if c.wanted {
			other := p.another(c, fmt.Sprint(in[at]))
			add(at, typed(in[at].Type(), other), "%q instead of %q", other, fmt.Sprint(in[at]))
		}
		at++
	}
	if at == len(in) {
		return all
	}
	table, _ := in[at].Interface().(*godog.Table)
	for row := 1; row < len(table.Rows); row++ {
		for column, cell := range table.Rows[row].Cells {
			other := anotherCell(table, row, column)
			add(at, reflect.ValueOf(withCell(table, row, column, other)), "%q instead of %q in row %d of its table", other, cell.Value, row)
		}
	}
	return all
}

// capture is a capturing group of a pattern: its source and the text before it. wanted means that
// it captures an expected value.
type capture struct {
	source, before string
	wanted         bool
}

var groups = regexp.MustCompile(`\((\?:|\?P<(\w+)>)?([^()]*)\)`)

// captures returns the capturing groups of a pattern. Groups that say where to look are not
// wanted: levels, siblings, paths and all named groups, except those with the name "wanted".
func captures(pattern string) []capture {
	var all []capture
	for _, m := range groups.FindAllStringSubmatchIndex(pattern, -1) {
		if m[2] >= 0 && m[4] < 0 {
			continue // captures nothing
		}
		c := capture{source: pattern[m[6]:m[7]], before: pattern[:m[0]]}
		if m[4] >= 0 {
			c.wanted = pattern[m[4]:m[5]] == "wanted"
		} else {
			place := c.ofLevel() || strings.Contains(c.source, `level \d`) || c.source == "[A-Z]" || c.source == `/\S+`
			c.wanted = !place
		}
		all = append(all, c)
	}
	return all
}

func (c capture) ofLevel() bool { return strings.HasSuffix(c.before, "level ") }

// typed converts a text to a value of type t, which is a number or a string.
func typed(t reflect.Type, text string) reflect.Value {
	value := reflect.New(t).Elem()
	n, err := strconv.ParseUint(text, 10, 32)
	switch {
	case t.Kind() == reflect.String:
		value.SetString(text)
	case err != nil:
		panic(err) // another gives a number for a number
	case value.CanInt():
		value.SetInt(int64(n))
	default:
		value.SetUint(n)
	}
	return value
}

// another returns another valid value for a capture.
func (p *pool) another(c capture, value string) string {
	quoted := func(what string) bool { return strings.HasSuffix(c.before, what+` "`) }
	switch n, err := strconv.ParseUint(value, 10, 32); {
	case err == nil && c.ofLevel() && n > 0:
		return strconv.FormatUint(n-1, 10) // the level above, which exists
	case err == nil:
		return strconv.FormatUint(n^1, 10)
	case quoted("operation"):
		return string(other(idmap.Ops(), idmap.Op(value)))
	case quoted("reason"):
		return string(other(idmap.Reasons(), idmap.Reason(value)))
	case quoted("that of"):
		this, _ := p.source(value)
		for _, name := range slices.Sorted(maps.Keys(p.Versions)) {
			if p.Versions[name] != this {
				return name
			}
		}
	}
	for a := range strings.SplitSeq(c.source, "|") {
		if !regexp.MustCompile("^(?:" + a + ")$").MatchString(value) {
			return strings.ReplaceAll(a, `[^"]*`, "other")
		}
	}
	return "other"
}

// other returns the first value that is not than.
func other[T comparable](values []T, than T) T {
	return values[slices.IndexFunc(values, func(v T) bool { return v != than })]
}

// anotherCell returns another valid value of a cell: another number, or another value of its
// column.
func anotherCell(table *godog.Table, row, column int) string {
	value := table.Rows[row].Cells[column].Value
	n, err := strconv.ParseUint(value, 10, 32)
	if err == nil && table.Rows[0].Cells[column].Value != "level" {
		return strconv.FormatUint(n^1, 10)
	}
	for _, r := range table.Rows[1:] {
		if v := r.Cells[column].Value; v != value {
			return v
		}
	}
	if err == nil {
		return strconv.FormatUint(n^1, 10)
	}
	return "other"
}

func withCell(table *godog.Table, row, column int, value string) *godog.Table {
	changed := &godog.Table{Rows: slices.Clone(table.Rows)}
	cells := slices.Clone(table.Rows[row].Cells)
	cells[column] = &messages.PickleTableCell{Value: value}
	changed.Rows[row] = &messages.PickleTableRow{Cells: cells}
	return changed
}

// draw chooses the first wrong value of a step. It depends on the scenario and the step, and is
// the same in every run.
func (s *scenario) draw(pattern string, in []reflect.Value) int {
	sum := fnv.New32a()
	fmt.Fprint(sum, s.name, pattern)
	for _, value := range in {
		if value.Kind() != reflect.Interface && value.Kind() != reflect.Pointer {
			fmt.Fprint(sum, value)
		}
	}
	return int(sum.Sum32() >> 1)
}
