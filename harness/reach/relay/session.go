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

// Program is the name of the program that is a relay, Pushed the argument that tells it that it was pushed into a level, AskKey
// the one that has it print its Key.
const (
	Program = "nestbed-relay"
	Pushed  = "pushed"
	AskKey  = "key"
)

//go:embed *.go
var sources embed.FS

// Key returns the same for a client and a relay that were built from the same sources: 16 hexadecimal digits.
func Key() string { return key() }

var key = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOARCH)
	for _, of := range []embed.FS{sources, inroot.Sources, proc.Sources} {
		_ = fs.WalkDir(of, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := of.ReadFile(path) // it is in memory
			fmt.Fprintln(h, path, len(text))
			h.Write(text)
			return err
		})
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
})

// greeting is what a relay says first: whatever else comes is no relay, or not of this build.
func greeting() string { return Program + " " + Key() + "\n" }

// config is yamux's for a relay. It has no time limit of its own: a level may be frozen, or have little of a
// processor, for as long as its owner likes, and whoever asks something has a limit for that.
func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.ConnectionWriteTimeout = forever
	c.StreamOpenTimeout = 0
	c.MaxStreamWindowSize = window
	c.LogOutput = io.Discard // what it says, its errors say too
	return c
}

const (
	forever = 24 * time.Hour
	// window is how many bytes of a stream can be on the way, through all levels.
	window = 1 << 20
)
