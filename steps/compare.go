package steps

import (
	"errors"
	"fmt"
	"reflect"

	"nestbed/harness"
)

// mismatch is the error of a Then that looked and saw something else than it wanted. Every other
// error of a Then means that it could not look.
type mismatch struct{ error }

func (m *mismatch) Unwrap() error { return m.error }

// unlike returns the mismatch that fmt.Errorf words.
func unlike(format string, args ...any) error { return &mismatch{fmt.Errorf(format, args...)} }

// comparison counts the comparisons of a Then; from number contrary on, if it is not 0, something else is wanted.
type comparison struct{ compared, contrary int }

// wanted returns what a Then compares with, which is something else where mutate.go wants it to fail.
func (s *scenario) wanted(value any) any {
	s.compared++
	if s.contrary > 0 && s.compared >= s.contrary {
		return anythingBut{value}
	}
	return value
}

// anythingBut equals no value that a Then can see.
type anythingBut struct{ value any }

func (a anythingBut) String() string { return "anything but " + shown(a.value) }

// equal fails unless got is the wanted value. What begins with the place: "level 2: ...".
func (s *scenario) equal(what string, wanted, got any) error {
	if wanted = s.wanted(wanted); !reflect.DeepEqual(wanted, got) {
		return unlike("%s: wanted %s, got %s", what, shown(wanted), shown(got))
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

// hold fails with every check that does not hold, one per line.
func (s *scenario) hold(checks []harness.Check, err error) error {
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range checks {
		if s.wanted(c.Wanted) != any(c.Got) {
			errs = append(errs, unlike("%s", c))
		}
	}
	return errors.Join(errs...)
}
