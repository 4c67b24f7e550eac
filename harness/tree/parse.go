package tree

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
)

// An Error is about a line that cannot be parsed.
type Error struct {
	File string
	Line int // from 1
	// Read is the content of the line, Expected what it should be.
	Read, Expected string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: line %d: read %s, expected %s", e.File, e.Line, e.Read, e.Expected)
}

// maxLine limits the length of a line, with its newline, in bytes. It has room for a path of 32
// names of 64 letters.
const maxLine = 4096

// Parse parses a description. name is the name of the file, for errors. The error is an *Error
// or an error of the reader.
func Parse(name string, r io.Reader) (*Tree, error) {
	t := &Tree{File: name, byPath: map[string]*Container{}}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	n := 0
	for scanner.Scan() {
		n++
		text, _, _ := strings.Cut(scanner.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, &Error{name, n, fmt.Sprintf("%d fields", len(fields)), "a container's path and a mapping, such as c1/c2 0:65536:131072"}
		}
		if expected := badPath(fields[0]); expected != "" {
			return nil, &Error{name, n, fmt.Sprintf("the path %q", fields[0]), expected}
		}
		l, err := parseMapping(fields[1])
		if err != nil {
			return nil, &Error{name, n, err.read, err.expected}
		}
		l.Number = n
		t.add(fields[0], l)
	}
	if err := scanner.Err(); err == bufio.ErrTooLong { //nolint:errorlint // the scanner returns it as it is
		return nil, &Error{name, n + 1, "a longer line", fmt.Sprintf("at most %d bytes", maxLine-1)}
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func badPath(path string) (expected string) {
	names := strings.Split(path, "/")
	for _, name := range names {
		if name == "" {
			return "names with one / between them, such as c1/c2"
		}
	}
	if len(names) > idmap.MaxDepth {
		return fmt.Sprintf("at most %d names, because the kernel nests containers no deeper", idmap.MaxDepth)
	}
	return ""
}

type mappingError struct{ read, expected string }

// parseMapping parses [u:|g:|b:]inside:parent:count.
func parseMapping(text string) (Line, *mappingError) {
	l := Line{UID: true, GID: true}
	fields := strings.Split(text, ":")
	if len(fields) == 4 {
		switch fields[0] {
		case "u":
			l.GID = false
		case "g":
			l.UID = false
		case "b":
		default:
			return l, &mappingError{fmt.Sprintf("the kind %q", fields[0]), "u for uids, g for gids or b for both"}
		}
		fields = fields[1:]
	}
	if len(fields) != 3 {
		return l, &mappingError{fmt.Sprintf("the mapping %q", text), "inside:parent:count, such as 0:65536:131072"}
	}
	numbers := make([]uint32, 3)
	for i, what := range []string{"inside id", "parent id", "count"} {
		v, err := strconv.ParseUint(fields[i], 10, 32)
		if err != nil || v == math.MaxUint32 || i == 2 && v == 0 {
			return l, &mappingError{fmt.Sprintf("the %s %q", what, fields[i]), fmt.Sprintf("a number from %d to %d", i/2, uint32(idmap.MaxID))}
		}
		numbers[i] = uint32(v)
	}
	l.Mapping = idmap.Mapping{Inside: numbers[0], Parent: numbers[1], Count: numbers[2]}
	for _, first := range numbers[:2] {
		if last := uint64(first) + uint64(l.Count) - 1; last > idmap.MaxID {
			return l, &mappingError{fmt.Sprintf("%d ids from %d on", l.Count, first), fmt.Sprintf("the last id, %d, to be at most %d", last, uint32(idmap.MaxID))}
		}
	}
	return l, nil
}
