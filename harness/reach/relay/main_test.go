package relay

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"
)

const beRelay = "NESTBED_TEST_RELAY"

// TestMain runs a relay instead of the tests if a test starts this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv(beRelay) != "" {
		if err := Serve(context.Background(), stdio{}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return os.Stdout.Close() }
