package vm

import (
	"encoding/gob"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// message is what the guest tells its host, by gob, as both are the same program. One field is set.
type message struct {
	// Started is what the guest is, once its program runs.
	Started *started
	// Stdout and Stderr are what the program writes.
	Stdout, Stderr []byte
	// File is one of its results.
	File *file
	// Alive comes every few seconds.
	Alive *alive
	// Ended is the last one.
	Ended *ended
}

type started struct {
	Kernel string
	// Up is the seconds since the guest's kernel began.
	Up float64
}

// file is a result as it is now: a later one of the same name takes its place.
type file struct {
	Result string // which of the job's
	Path   string // in it
	Mode   fs.FileMode
	Data   []byte
}

// alive is how the guest is, in bytes.
type alive struct{ FreeMemory, FreeDisk uint64 }

type ended struct {
	Status int
	// Error is why the guest could not run the program.
	Error string
}

// sender sends messages from several goroutines.
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

// stream sends what is written to it, as what wrap makes of that.
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
