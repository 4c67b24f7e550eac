package idmap_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"nestbed/harness/idmap"
)

// A builder builds chains of real user namespaces. At each level it compares what the kernel
// answers and shows with what package idmap predicts.
type builder struct {
	own   idmap.Map // map of the test's namespace
	count tally
	chain *idmap.Chain
	at    []namespace // from the test's namespace down
}

// A namespace is an existing user namespace: its maps as they were written, as it sees them itself,
// and as the test's namespace sees them.
type namespace struct{ written, own, seen idmap.Map }

func (b *builder) close() {
	if b.chain != nil {
		b.chain.Close()
	}
}

// build builds the plan, whose first kept levels already exist. It returns a *difference if the
// kernel and package idmap disagree, or another error if the chain cannot be built.
func (b *builder) build(p plan, kept int) error {
	if kept == 0 {
		b.close()
		b.at = []namespace{{
			own:  b.own,
			seen: idmap.Map{UID: identityOf(b.own.UID), GID: identityOf(b.own.GID)},
		}}
		var err error
		if b.chain, err = idmap.NewChain(); err != nil {
			return err
		}
	}
	for ; len(b.at) > kept+1; b.at = b.at[:len(b.at)-1] {
		if err := b.chain.Up(); err != nil {
			return err
		}
	}
	for _, l := range p[kept:] {
		if err := b.down(l); err != nil {
			return err
		}
		if own := b.at[len(b.at)-1].own; own.UID == nil || own.GID == nil {
			return nil
		}
	}
	return b.down(nil)
}

// identityOf returns a map of the same inside ids to themselves: the test sees all maps below
// in these ids.
func identityOf(m []idmap.Mapping) []idmap.Mapping {
	m = slices.Clone(m)
	for i := range m {
		m[i].Parent = m[i].Inside
	}
	return m
}

// down adds one level. Without attempts it only checks the lowest level.
func (b *builder) down(l level) error {
	i := len(b.at) - 1
	above := b.at[i]
	r, err := b.chain.Down(l.order())
	if err != nil || r.Refused != 0 {
		return fmt.Errorf("level %d: %w", i+1, cmp.Or(err, error(r.Refused)))
	}
	if i > 0 {
		if err := compareOwn(r, above, i); err != nil {
			return err
		}
	}
	if l == nil {
		return nil
	}
	for k, a := range l {
		want := errnoOf(idmap.Accept(*side(&above.own, a.gid), a.lines))
		if r.Errnos[k] != want {
			return &difference{i, a.gid, a.lines, fmt.Sprintf("written, the kernel answers %s, want %s", name(r.Errnos[k]), name(want))}
		}
		b.count.add(a.lines, *side(&above.own, a.gid), want, i+1)
	}
	at := namespace{written: l.written(above.own), own: l.accepted(above.own)}
	at.seen = at.own.Compose(above.seen)
	for _, gid := range []bool{false, true} {
		got, err := shown(strconv.Itoa(r.PID), gid)
		if err != nil {
			return err
		}
		if want := *side(&at.seen, gid); !slices.Equal(got, want) {
			return &difference{i, gid, *side(&at.written, gid), fmt.Sprintf("from the test's namespace the kernel shows %v, want %v", got, want)}
		}
	}
	b.at = append(b.at, at)
	return nil
}

// compareOwn compares the maps that a process at a level, at least 1, sees of its own
// namespace.
func compareOwn(r idmap.Report, at namespace, level int) error {
	for _, gid := range []bool{false, true} {
		text := r.Own.UID
		if gid {
			text = r.Own.GID
		}
		got, err := idmap.ParseMappings(text)
		if err != nil {
			return err
		}
		if want := *side(&at.own, gid); !slices.Equal(got, want) {
			return &difference{level - 1, gid, *side(&at.written, gid), fmt.Sprintf("inside, the kernel shows %v, want %v", got, want)}
		}
	}
	return nil
}

func errnoOf(err error) syscall.Errno {
	switch {
	case errors.Is(err, idmap.ErrInvalidMap):
		return syscall.EINVAL
	case errors.Is(err, idmap.ErrUnmappedIDs):
		return syscall.EPERM
	default:
		return 0
	}
}

func name(errno syscall.Errno) string {
	switch errno {
	case 0:
		return "yes"
	case syscall.EINVAL:
		return "EINVAL"
	case syscall.EPERM:
		return "EPERM"
	default:
		return errno.Error()
	}
}

// shown returns a map as the test sees it, or nil if it is not written yet.
func shown(pid string, gid bool) ([]idmap.Mapping, error) {
	text, err := os.ReadFile("/proc/" + pid + "/" + file(gid))
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return idmap.ParseMappings(string(text))
}

func file(gid bool) string {
	if gid {
		return "gid_map"
	}
	return "uid_map"
}

func (l level) order() idmap.Order {
	var o idmap.Order
	for _, a := range l {
		o.Attempts = append(o.Attempts, idmap.Attempt{File: file(a.gid), Text: written(a.lines)})
	}
	return o
}
