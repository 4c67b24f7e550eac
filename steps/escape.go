package steps

import (
	"reflect"

	"nestbed/harness/advice"
	"nestbed/harness/printable"
)

// escapedError is an error of which nothing acts on a terminal: a level's files and logs are quoted in it.
type escapedError struct{ error }

func (e escapedError) Error() string { return printable.Text(e.error.Error()) }
func (e escapedError) Unwrap() error { return e.error }

// escape adds the advice on an error and escapes it.
func escape(err error) error {
	if err == nil {
		return nil
	}
	return escapedError{advice.On(err)}
}

// escaping returns a step's method whose errors are escaped: godog prints them as they are, none of its hooks can
// replace an error, and the methods have as many signatures as there are kinds of steps.
func escaping(method any) any {
	do := reflect.ValueOf(method)
	return reflect.MakeFunc(do.Type(), func(args []reflect.Value) []reflect.Value {
		results := do.Call(args)
		for i, r := range results {
			if err, ok := r.Interface().(error); ok {
				results[i] = reflect.ValueOf(escape(err))
			}
		}
		return results
	}).Interface()
}
