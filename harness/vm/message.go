package vm

import (
	"encoding/gob"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// A message goes from the guest to the host, encoded by gob, as both run the same program.
// Exactly one field is set.
type message struct {
	// Started describes the guest when its program starts.
	Started *started
	// Stdout and Stderr are output of the program.
	Stdout, Stderr []byte
	// File is one of the job's results.
	File *file
	// Alive comes every aliveEvery.
	Alive *alive
	// Ended is the last message.
	Ended *ended
}

type started struct {
	Kernel string
	// Up is the time since the guest's kernel started, in seconds.
	Up float64
}

// A file is a version of a result. A later one of the same name replaces it.
type file struct {
	Result string // key of the job's Results
	Path   string // below that directory
	Mode   fs.FileMode
	Data   []byte
}

// alive is the guest's free memory and disk, in bytes.
type alive struct{ FreeMemory, FreeDisk uint64 }

type ended struct {
	Status int
	// Error says why the guest could not run the program.
	Error string
}

// A sender sends messages. Several goroutines can use it.
type sender struct {
	mu  sync.Mutex
	enc *gob.Encoder
}

func newSender(to io.Writer) *sender { return &sender{enc: gob.NewEncoder(to)} }

func (s *sender) send(m message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.enc.Encode(m); err != nil {
		return fmt.Errorf("tell the host: %w", err)
	}
	return nil
}

// A stream is a writer that sends each write as the message that wrap returns.
type stream struct {
	to   *sender
	wrap func([]byte) message
}

func (s stream) Write(p []byte) (int, error) {
	if err := s.to.send(s.wrap(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
