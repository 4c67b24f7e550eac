// Package steps turns the text of scenarios into calls of package harness and
// into assertions. It knows godog and testify, and nothing of LXD.
//
// A step has one wording and one meaning. Givens only note what is wanted; the
// one When starts the host and builds the chain; Thens look. Whatever a scenario
// asks for, it also fails if LXD contradicts the plan, or if something is left.
//
// Suite runs features: nestbed's own, or those of another module, which may add steps.
package steps
