//go:build race

package command

// A program with the race detector sleeps for a second before it ends, unless GORACE says otherwise. Some run this one 32 times.
const raceDetector = "GORACE=atexit_sleep_ms=0"
