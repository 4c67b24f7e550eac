//go:build race

package host

// A program with the race detector sleeps for a second before it ends, unless GORACE says otherwise. Probes nest this one 32 times.
func init() { cleanEnv = append(cleanEnv, "GORACE=atexit_sleep_ms=0") }
