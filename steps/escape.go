package steps

import (
	"reflect"

	"nestbed/harness/advice"
	"nestbed/harness/printable"
)

// escapedError escapes the control characters in an error's text, because errors quote files and
// logs of levels.
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

// escaping wraps a step's method so that its errors are escaped. godog prints errors as they are,
// and its hooks cannot replace them. Reflection is needed because the methods have many different
// signatures.
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
