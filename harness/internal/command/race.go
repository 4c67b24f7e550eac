//go:build race

package command

// A program with the race detector sleeps for a second at its end. Some commands run this
// program 32 times.
const raceDetector = "GORACE=atexit_sleep_ms=0"
