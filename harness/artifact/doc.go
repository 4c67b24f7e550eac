// Package artifact keeps what a failure leaves to look into: a directory a run, in it one a scenario.
package artifact
