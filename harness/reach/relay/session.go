package relay

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"nestbed/harness/internal/inroot"
	"nestbed/harness/internal/proc"
)

// Program is the name of the relay program. The argument Pushed says that it was pushed into a
// level. The argument AskKey makes it print its Key.
const (
	Program = "nestbed-relay"
	Pushed  = "pushed"
	AskKey  = "key"
)

//go:embed *.go
var sources embed.FS

// Key returns 16 hexadecimal digits that are equal in a client and a relay of the same build.
func Key() string { return key() }

var key = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOARCH)
	for _, of := range []embed.FS{sources, inroot.Sources, proc.Sources} {
		_ = fs.WalkDir(of, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := of.ReadFile(path) // embedded, so it cannot fail
			fmt.Fprintln(h, path, len(text))
			h.Write(text)
			return err
		})
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
})

// greeting returns the first line of a relay. Other programs and relays of other builds send
// another.
func greeting() string { return Program + " " + Key() + "\n" }

// config returns yamux's configuration for a relay. It has no time limits: a level may be frozen
// or slow for as long as its owner likes, and callers have limits of their own.
func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.ConnectionWriteTimeout = forever
	c.StreamOpenTimeout = 0
	c.MaxStreamWindowSize = window
	c.LogOutput = io.Discard // its errors say the same
	return c
}

const (
	forever = 24 * time.Hour
	// window is the number of bytes of a stream that can be in transit through all levels.
	window = 1 << 20
)
