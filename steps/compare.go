package steps

import (
	"errors"
	"fmt"
	"reflect"

	"nestbed/harness"
)

// mismatch is the error of a Then step that observed something unexpected. Every other error means
// that it could not observe anything.
type mismatch struct{ error }

func (m *mismatch) Unwrap() error { return m.error }

// mismatchf returns a mismatch, formatted like fmt.Errorf.
func mismatchf(format string, args ...any) error { return &mismatch{fmt.Errorf(format, args...)} }

// comparison counts the comparisons of a Then step. If wrongFrom is not 0, the comparisons from
// that number on expect a wrong value.
type comparison struct{ compared, wrongFrom int }

// wanted returns the expected value of a comparison, or a wrong value if mutate.go wants the
// comparison to fail.
func (s *scenario) wanted(value any) any {
	s.compared++
	if s.wrongFrom > 0 && s.compared >= s.wrongFrom {
		return anythingBut{value}
	}
	return value
}

// anythingBut is not equal to any value that a Then step can observe.
type anythingBut struct{ value any }

func (a anythingBut) String() string { return "anything but " + shown(a.value) }

// equal returns a mismatch unless got is the wanted value. what starts with the place: "level 2:
// ...".
func (s *scenario) equal(what string, wanted, got any) error {
	if wanted = s.wanted(wanted); !reflect.DeepEqual(wanted, got) {
		return mismatchf("%s: wanted %s, got %s", what, shown(wanted), shown(got))
	}
	return nil
}

func shown(value any) string {
	switch value.(type) {
	case string, []string:
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprint(value)
}

// hold returns a mismatch for each failed check, one per line.
func (s *scenario) hold(checks []harness.Check, err error) error {
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range checks {
		if s.wanted(c.Wanted) != any(c.Got) {
			errs = append(errs, mismatchf("%s", c))
		}
	}
	return errors.Join(errs...)
}
