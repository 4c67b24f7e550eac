package inroot

import (
	"errors"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Namespace opens a namespace of the process by its name in /proc/PID/ns.
func (p *Process) Namespace(kind string) (*os.File, error) {
	found, err := p.namespace(kind)
	if err != nil {
		return nil, p.failed("ns/"+kind, err)
	}
	defer found.Close()
	return pathrs.Reopen(found, unix.O_RDONLY)
}

func (p *Process) namespace(kind string) (*os.File, error) {
	dir, err := beneath(p.dir, "ns", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	found, err := openat(dir, kind, unix.O_PATH)
	if err != nil {
		return nil, err
	}
	got, err := kindOf(found)
	if err == nil && got != unix.NSFS_MAGIC {
		err = errors.New("it is a link to something other than a namespace")
	}
	if err != nil {
		return nil, errors.Join(err, found.Close())
	}
	return found, nil
}

// namespaceID identifies a namespace (man 7 namespaces).
type namespaceID struct{ dev, ino uint64 }

func (p *Process) namespaceID(kind string) (namespaceID, error) {
	found, err := p.namespace(kind)
	if err != nil {
		return namespaceID{}, p.failed("ns/"+kind, err)
	}
	defer found.Close()
	var stat unix.Stat_t
	err = unix.Fstat(int(found.Fd()), &stat)
	return namespaceID{stat.Dev, stat.Ino}, err
}

// SameNamespace reports whether two processes share a namespace.
func (p *Process) SameNamespace(other *Process, kind string) (bool, error) {
	a, err := p.namespaceID(kind)
	if err != nil {
		return false, err
	}
	b, err := other.namespaceID(kind)
	return a == b, err
}
